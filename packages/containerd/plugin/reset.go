package plugin

// Reset forgets the plugins that are registered so far. containerd and its shim are one program here, and each initializes
// all plugins that there are: the shim registers its own after this.
func Reset() {
	register.Lock()
	defer register.Unlock()
	register.r = nil
}
