package main

// What containerd is made of on a board: all that `ctr` can ask for. Not Kubernetes, not the monitor that restarts containers
// (that is done here), and of the places for unpacked images only overlayfs.
import (
	_ "github.com/containerd/containerd/diff/walking/plugin"
	_ "github.com/containerd/containerd/events/plugin"
	_ "github.com/containerd/containerd/gc/scheduler"
	_ "github.com/containerd/containerd/leases/plugin"
	_ "github.com/containerd/containerd/metadata/plugin"
	_ "github.com/containerd/containerd/plugins/sandbox"
	_ "github.com/containerd/containerd/plugins/streaming"
	_ "github.com/containerd/containerd/plugins/transfer"
	// Never used, but the tasks of runtime v2 want one of the old kind to be there.
	_ "github.com/containerd/containerd/runtime/v1/linux"
	_ "github.com/containerd/containerd/runtime/v2"
	_ "github.com/containerd/containerd/runtime/v2/runc/options"
	_ "github.com/containerd/containerd/services/containers"
	_ "github.com/containerd/containerd/services/content"
	_ "github.com/containerd/containerd/services/diff"
	_ "github.com/containerd/containerd/services/events"
	_ "github.com/containerd/containerd/services/healthcheck"
	_ "github.com/containerd/containerd/services/images"
	_ "github.com/containerd/containerd/services/introspection"
	_ "github.com/containerd/containerd/services/leases"
	_ "github.com/containerd/containerd/services/namespaces"
	_ "github.com/containerd/containerd/services/opt"
	_ "github.com/containerd/containerd/services/sandbox"
	_ "github.com/containerd/containerd/services/snapshots"
	_ "github.com/containerd/containerd/services/streaming"
	_ "github.com/containerd/containerd/services/tasks"
	_ "github.com/containerd/containerd/services/transfer"
	_ "github.com/containerd/containerd/services/version"
	_ "github.com/containerd/containerd/services/warning"
	_ "github.com/containerd/containerd/snapshots/overlay/plugin"
)
