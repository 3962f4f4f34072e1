package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// networkDevice is an entry of LinuxKit's `runtime.interfaces`.
type networkDevice struct {
	Name         string `json:"name"`
	Add          string `json:"add"`
	Peer         string `json:"peer"`
	CreateInRoot bool   `json:"createInRoot"`
}

// joinNetwork makes the interfaces of a container that is created but not yet started, and moves them into its network.
func joinNetwork(devices []networkDevice, pid int) error {
	for _, device := range devices {
		if device.Add != "" {
			if err := addDevice(device); err != nil {
				return err
			}
		}
		link, err := netlink.LinkByName(device.Name)
		if err != nil {
			return fmt.Errorf("interface %s: %w", device.Name, err)
		}
		if err := netlink.LinkSetNsPid(link, pid); err != nil {
			return fmt.Errorf("interface %s: %w", device.Name, err)
		}
	}
	return nil
}

func addDevice(device networkDevice) error {
	attributes := netlink.NewLinkAttrs()
	attributes.Name = device.Name
	var link netlink.Link = &netlink.GenericLink{LinkAttrs: attributes, LinkType: device.Add}
	if device.Add == "veth" {
		link = &netlink.Veth{LinkAttrs: attributes, PeerName: device.Peer}
	}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("interface %s of type %s: %w", device.Name, device.Add, err)
	}
	if device.Peer == "" {
		return nil
	}
	peer, err := netlink.LinkByName(device.Peer)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(peer)
}

// bindNamespaces keeps namespaces of a container under names, for others to join.
func bindNamespaces(places map[string]string, pid int) error {
	for kind, place := range places {
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			return err
		}
		unix.Unmount(place, unix.MNT_DETACH)
		file, err := os.OpenFile(place, os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		file.Close()
		if err := unix.Mount(fmt.Sprintf("/proc/%d/ns/%s", pid, kind), place, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
	}
	return nil
}
