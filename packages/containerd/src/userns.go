package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// rootOutside is who the container's root is outside of it.
func rootOutside(linux *specs.Linux) (int, int) {
	id := func(mappings []specs.LinuxIDMapping) int {
		for _, mapping := range mappings {
			if mapping.ContainerID == 0 {
				return int(mapping.HostID)
			}
		}
		return 0
	}
	return id(linux.UIDMappings), id(linux.GIDMappings)
}

// shiftLayers mounts each layer once more, with the owners that a user namespace sees them with (mount_setattr(2),
// MOUNT_ATTR_IDMAP): nothing is copied, and the layers stay shared.
func shiftLayers(layers []string, folder string, linux *specs.Linux) ([]string, error) {
	namespace, err := userNamespace(linux)
	if err != nil {
		return nil, err
	}
	defer namespace.Close()
	shifted := make([]string, len(layers))
	for index, layer := range layers {
		place := filepath.Join(folder, strconv.Itoa(index))
		if err := os.MkdirAll(place, 0o755); err != nil {
			return nil, err
		}
		tree, err := unix.OpenTree(unix.AT_FDCWD, layer, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
		if err != nil {
			return nil, fmt.Errorf("open_tree %s: %w", layer, err)
		}
		defer unix.Close(tree)
		shift := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(namespace.Fd())}
		if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &shift); err != nil {
			return nil, fmt.Errorf("mount_setattr %s: %w", layer, err)
		}
		if err := unix.MoveMount(tree, "", unix.AT_FDCWD, place, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
			return nil, fmt.Errorf("move_mount %s: %w", place, err)
		}
		shifted[index] = place
	}
	return shifted, nil
}

// userNamespace makes a user namespace with these mappings: the kernel takes them from one alone.
func userNamespace(linux *specs.Linux) (*os.File, error) {
	mappings := func(all []specs.LinuxIDMapping) []syscall.SysProcIDMap {
		list := make([]syscall.SysProcIDMap, len(all))
		for index, each := range all {
			list[index] = syscall.SysProcIDMap{ContainerID: int(each.ContainerID), HostID: int(each.HostID), Size: int(each.Size)}
		}
		return list
	}
	holder := exec.Command("/bin/sleep", "60")
	holder.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: mappings(linux.UIDMappings),
		GidMappings: mappings(linux.GIDMappings),
		Pdeathsig:   syscall.SIGKILL,
	}
	if err := holder.Start(); err != nil {
		return nil, fmt.Errorf("a user namespace: %w", err)
	}
	defer func() {
		holder.Process.Kill()
		holder.Wait()
	}()
	return os.Open(fmt.Sprintf("/proc/%d/ns/user", holder.Process.Pid))
}
