/** Time as reporters see it, so that a recorded build can be replayed. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls again and again, without keeping the process alive; the function given back stops it. */
  every(milliseconds: number, callback: () => void): () => void;
}

export const realClock: Clock = {
  now: Date.now,
  every: (milliseconds, callback) => {
    const timer = setInterval(callback, milliseconds).unref();
    return () => clearInterval(timer);
  },
};
