import { describe, expect, test } from 'vitest';
import { parseForward } from '../../../src/device/forward.ts';
import { findMachine } from '../../../src/device/machine.ts';
import { limitWords, type QemuBoard, qemuArguments } from '../../../src/device/qemu-arguments.ts';

const board: QemuBoard = {
  machine: findMachine('raspi3b'),
  kernel: '/run/board/boot/kernel8.img',
  deviceTree: '/run/board/boot/bcm2837-rpi-3-b.dtb',
  cmdline: 'console=ttyS1,115200 root=/dev/mmcblk0p2 rootwait',
  card: '/run/board/overlay/card.qcow2',
  persistent: false,
  cpus: 4,
  consolePort: 1,
  usbNetwork: true,
  forwards: [],
  disks: [],
  reboots: false,
  arguments: [],
  hostProcessors: 2,
};

/** An option a line, as it would be typed. */
const typed = (changes: Partial<QemuBoard> = {}): string =>
  qemuArguments({ ...board, ...changes })
    .join(' ')
    .replace(/ -(?=[a-z])/g, '\n  -');

describe("QEMU's command line", () => {
  test('of a test', () => {
    expect(typed()).toMatchInlineSnapshot(`
      "qemu-system-aarch64
        -machine raspi3b
        -nodefaults
        -display none -S
        -kernel /run/board/boot/kernel8.img
        -dtb /run/board/boot/bcm2837-rpi-3-b.dtb
        -append console=ttyS1,115200 root=/dev/mmcblk0p2 rootwait
        -drive if=sd,index=0,format=qcow2,file=/run/board/overlay/card.qcow2,cache=unsafe,discard=unmap
        -chardev socket,id=control,fd=3
        -mon chardev=control,mode=control
        -chardev socket,id=monitor,fd=5
        -mon chardev=monitor,mode=readline
        -chardev socket,id=console,fd=4
        -serial null
        -serial chardev:console
        -netdev user,id=net0
        -device usb-net,netdev=net0
        -no-reboot
        -accel tcg,thread=single"
    `);
  });

  test('of a long run with everything', () => {
    expect(
      typed({
        initramfs: '/run/board/boot/initrd.gz',
        cpus: 2,
        persistent: true,
        consolePort: 0,
        forwards: [parseForward('2222:22'), parseForward('0.0.0.0:5353:53/udp')],
        disks: [
          { path: '/run/board/disk0', format: 'raw' },
          { path: '/run/board/a,b', format: 'qcow2' },
        ],
        reboots: true,
        arguments: ['-device', 'tmp105,bus=i2c-bus.1,address=0x48'],
        hostProcessors: 8,
      }),
    ).toMatchInlineSnapshot(`
      "qemu-system-aarch64
        -machine raspi3b
        -nodefaults
        -display none -S
        -kernel /run/board/boot/kernel8.img
        -dtb /run/board/boot/bcm2837-rpi-3-b.dtb
        -initrd /run/board/boot/initrd.gz
        -append console=ttyS1,115200 root=/dev/mmcblk0p2 rootwait
        -drive if=sd,index=0,format=qcow2,file=/run/board/overlay/card.qcow2,cache=writethrough,discard=unmap
        -chardev socket,id=control,fd=3
        -mon chardev=control,mode=control
        -chardev socket,id=monitor,fd=5
        -mon chardev=monitor,mode=readline
        -chardev socket,id=console,fd=4
        -serial chardev:console
        -serial null
        -netdev user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp:0.0.0.0:5353-:53
        -device usb-net,netdev=net0
        -drive if=none,id=disk0,format=raw,file=/run/board/disk0
        -device usb-storage,drive=disk0
        -drive if=none,id=disk1,format=qcow2,file=/run/board/a,,b
        -device usb-storage,drive=disk1
        -device loader,addr=2048,data=0x17ffffffd503207f,data-len=8
        -device loader,addr=2048,cpu-num=2
        -device loader,addr=2048,cpu-num=3
        -device tmp105,bus=i2c-bus.1,address=0x48
        -accel tcg,thread=multi"
    `);
  });

  test('has no network where the board has none', () => {
    expect(typed({ usbNetwork: false })).not.toContain('-netdev');
  });
});

describe('limits', () => {
  const pi = findMachine('raspi3b');

  test('are words for the kernel', () => {
    expect(limitWords(pi, { cpus: 2, memory: 512 * 2 ** 20 })).toEqual(['nr_cpus=2', 'mem=524288K']);
    expect(limitWords(pi, { cpus: 3 })).toEqual(['nr_cpus=3']);
  });

  test('that are what the board has say nothing', () => {
    expect(limitWords(pi, { cpus: 4, memory: 2 ** 30 })).toEqual([]);
    expect(limitWords(pi, {})).toEqual([]);
  });

  test('cannot be more than the board has', () => {
    expect(() => limitWords(pi, { cpus: 5 })).toThrow('a Raspberry Pi 3B has 4 processors, not 5');
    expect(() => limitWords(pi, { memory: 2 ** 31 })).toThrow('a Raspberry Pi 3B has 1024M of memory, not 2048M');
  });
});

test('a machine that QEMU does not have is told, with the one that is meant', () => {
  expect(() => findMachine('rapsi3b')).toThrow(
    expect.objectContaining({
      diagnostics: [
        {
          severity: 'error',
          code: 'device/unknown-machine',
          message: "there is no emulated board 'rapsi3b'",
          hint: "did you mean 'raspi3b'?",
        },
      ],
    }),
  );
});
