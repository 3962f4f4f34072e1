package main

import (
	"context"
	"crypto"
	"fmt"
	"os"
	"path/filepath"

	containerd "github.com/containerd/containerd/cmd/containerd/command"
	ctr "github.com/containerd/containerd/cmd/ctr/app"
	"github.com/containerd/containerd/pkg/hasher"
	"github.com/containerd/containerd/pkg/shutdown"
	"github.com/containerd/containerd/plugin"
	"github.com/containerd/containerd/runtime/v2/runc/manager"
	"github.com/containerd/containerd/runtime/v2/runc/task"
	"github.com/containerd/containerd/runtime/v2/shim"
	"github.com/urfave/cli"
)

// One program under several names: they are made of the same code, so that the card holds it once and memory too, and it
// is read once. What is not read of a card is what makes a start quick.
func otherPersonality() bool {
	crypto.RegisterHash(crypto.SHA256, hasher.NewSHA256)
	switch filepath.Base(os.Args[0]) {
	case "containerd":
		runApp("containerd", containerd.App())
	case "ctr":
		runApp("ctr", ctr.New())
	case "containerd-shim-runc-v2":
		plugin.Reset()
		plugin.Register(taskPlugin())
		shim.RunManager(context.Background(), manager.NewShimManager("io.containerd.runc.v2"))
	default:
		return false
	}
	return true
}

func runApp(name string, app *cli.App) {
	if err := app.Run(os.Args); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %s\n", name, err)
		os.Exit(1)
	}
}

// taskPlugin is the one plugin of the shim.
func taskPlugin() *plugin.Registration {
	return &plugin.Registration{
		Type:     plugin.TTRPCPlugin,
		ID:       "task",
		Requires: []plugin.Type{plugin.EventPlugin, plugin.InternalPlugin},
		InitFn: func(context *plugin.InitContext) (interface{}, error) {
			publisher, err := context.GetByID(plugin.EventPlugin, "publisher")
			if err != nil {
				return nil, err
			}
			end, err := context.GetByID(plugin.InternalPlugin, "shutdown")
			if err != nil {
				return nil, err
			}
			return task.NewTaskService(context.Context, publisher.(shim.Publisher), end.(shutdown.Service))
		},
	}
}
