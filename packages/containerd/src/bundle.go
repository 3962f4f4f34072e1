package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Where things are. On a root that is read-only, /rom is the root as it is on the card: an overlay of overlays is one too
// many for id-mapped mounts.
const (
	bundleFolder = "/usr/lib/pibuild/services"
	layerFolder  = "/usr/lib/pibuild/layers"
	runFolder    = "/run/pibuild"
	stateFolder  = "/var/lib/pibuild/services"
	logFolder    = "/var/log/services"
)

// definition is service.json: what config.json cannot say. Times in milliseconds, sizes in bytes (src/service/model.ts).
type definition struct {
	Name       string   `json:"name"`
	Stage      string   `json:"stage"`
	Layers     []string `json:"layers"`
	Readonly   bool     `json:"readonly"`
	Persist    bool     `json:"persist"`
	Runtime    string   `json:"runtime"`
	Devices    []string `json:"devices"`
	StopSignal string   `json:"stopSignal"`
	After      []string `json:"after"`
	Ready      *struct {
		Exec   []string `json:"exec"`
		File   string   `json:"file"`
		TCP    string   `json:"tcp"`
		Within int      `json:"within"`
	} `json:"ready"`
	Restart struct {
		Policy  string `json:"policy"`
		Backoff int    `json:"backoff"`
		Max     int    `json:"max"`
		Tries   int    `json:"tries"`
	} `json:"restart"`
	Timeout   int    `json:"timeout"`
	OnFailure string `json:"onFailure"`
	Logs      *struct {
		Size int64 `json:"size"`
		Keep int   `json:"keep"`
	} `json:"logs"`
	Prepare struct {
		Cgroups    []string          `json:"cgroups"`
		Mkdir      []string          `json:"mkdir"`
		Mounts     []specs.Mount     `json:"mounts"`
		Interfaces []networkDevice   `json:"interfaces"`
		BindNS     map[string]string `json:"bindNS"`
	} `json:"prepare"`
	Namespace string `json:"namespace"`
}

func milliseconds(count int) time.Duration { return time.Duration(count) * time.Millisecond }

// readDefinitions gives the board's containers in the order of the recipe.
func readDefinitions() ([]definition, error) {
	text, err := os.ReadFile(filepath.Join(bundleFolder, "order.json"))
	if err != nil {
		return nil, err
	}
	var names []string
	if err := json.Unmarshal(text, &names); err != nil {
		return nil, err
	}
	all := make([]definition, len(names))
	for index, name := range names {
		text, err := os.ReadFile(filepath.Join(bundleFolder, name, "service.json"))
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &all[index]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
}

func (d *definition) folder() string { return filepath.Join(runFolder, "services", d.Name) }

// prepare makes all that must be there before the container: the root, folders, mounts. It gives the final configuration,
// which is written beside the root.
func (d *definition) prepare() (*specs.Spec, error) {
	text, err := os.ReadFile(filepath.Join(bundleFolder, d.Name, "config.json"))
	if err != nil {
		return nil, err
	}
	spec := &specs.Spec{}
	if err := json.Unmarshal(text, spec); err != nil {
		return nil, err
	}
	if err := d.lookUpDevices(spec); err != nil {
		return nil, err
	}
	if err := d.prepareOutside(); err != nil {
		return nil, err
	}
	if err := d.mountRoot(spec); err != nil {
		return nil, fmt.Errorf("the root cannot be mounted: %w", err)
	}
	spec.Root.Path = filepath.Join(d.folder(), "rootfs")
	final, err := json.MarshalIndent(spec, "", "  ")
	if err != nil {
		return nil, err
	}
	return spec, os.WriteFile(filepath.Join(d.folder(), "config.json"), append(final, '\n'), 0o644)
}

// lookUpDevices fills in the numbers of devices, which the kernel gives as it likes.
func (d *definition) lookUpDevices(spec *specs.Spec) error {
	for _, path := range d.Devices {
		var stat unix.Stat_t
		if err := unix.Stat(path, &stat); err != nil {
			return fmt.Errorf("device %s: %w", path, err)
		}
		kind, ok := map[uint32]string{unix.S_IFCHR: "c", unix.S_IFBLK: "b"}[stat.Mode&unix.S_IFMT]
		if !ok {
			return fmt.Errorf("%s is no device", path)
		}
		major, minor := int64(unix.Major(stat.Rdev)), int64(unix.Minor(stat.Rdev))
		for index := range spec.Linux.Devices {
			if device := &spec.Linux.Devices[index]; device.Path == path {
				mode := os.FileMode(stat.Mode & 0o777)
				device.Type, device.Major, device.Minor = kind, major, minor
				if device.FileMode == nil {
					device.FileMode = &mode
				}
				if device.GID == nil && spec.Linux.UIDMappings == nil {
					device.UID, device.GID = &stat.Uid, &stat.Gid
				}
			}
		}
		allowed := specs.LinuxDeviceCgroup{Allow: true, Type: kind, Major: &major, Minor: &minor, Access: "rw"}
		spec.Linux.Resources.Devices = append(spec.Linux.Resources.Devices, allowed)
	}
	return nil
}

// prepareOutside does what LinuxKit's `runtime` asks for.
func (d *definition) prepareOutside() error {
	for _, path := range d.Prepare.Mkdir {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
	}
	for _, path := range d.Prepare.Cgroups {
		if err := os.MkdirAll(filepath.Join("/sys/fs/cgroup", path), 0o755); err != nil {
			return err
		}
	}
	for _, m := range d.Prepare.Mounts {
		if isMounted(m.Destination) {
			continue
		}
		if err := os.MkdirAll(m.Destination, 0o755); err != nil {
			return err
		}
		flags, data := mountOptions(m.Options)
		if m.Type == "bind" {
			flags |= unix.MS_BIND
		}
		if err := unix.Mount(m.Source, m.Destination, m.Type, flags, data); err != nil {
			return fmt.Errorf("mount %s: %w", m.Destination, err)
		}
	}
	return nil
}

// mountRoot stacks the layers. What is written goes into memory, into /var, or nowhere. The lowest layer is made here: it
// has the places that something is mounted on, so that a root which cannot be written to has them.
func (d *definition) mountRoot(spec *specs.Spec) error {
	root := filepath.Join(d.folder(), "rootfs")
	if isMounted(root) {
		return nil
	}
	base := filepath.Join(d.folder(), "base")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := makeMountPoints(base, spec.Mounts); err != nil {
		return err
	}
	lower, err := d.layers(spec)
	if err != nil {
		return err
	}
	// overlayfs has the topmost first.
	for left, right := 0, len(lower)-1; left < right; left, right = left+1, right-1 {
		lower[left], lower[right] = lower[right], lower[left]
	}
	data := "lowerdir=" + strings.Join(append(lower, base), ":")
	flags := uintptr(unix.MS_RDONLY)
	if !d.Readonly {
		upper, err := d.upper(spec)
		if err != nil {
			return err
		}
		data += ",upperdir=" + upper + "/upper,workdir=" + upper + "/work"
		flags = 0
	}
	return unix.Mount("overlay", root, "overlay", flags, data)
}

// layers gives the folders of the layers, bottom first; shifted to the ids that a user namespace has outside.
func (d *definition) layers(spec *specs.Spec) ([]string, error) {
	from := layerFolder
	if _, err := os.Stat("/rom" + layerFolder); err == nil {
		from = "/rom" + layerFolder
	}
	folders := make([]string, len(d.Layers))
	for index, layer := range d.Layers {
		folders[index] = filepath.Join(from, layer)
	}
	if len(spec.Linux.UIDMappings) == 0 {
		return folders, nil
	}
	return shiftLayers(folders, filepath.Join(d.folder(), "layers"), spec.Linux)
}

func (d *definition) upper(spec *specs.Spec) (string, error) {
	folder := d.folder()
	if d.Persist {
		folder = filepath.Join(stateFolder, d.Name)
	}
	for _, name := range []string{"upper", "work"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			return "", err
		}
	}
	uid, gid := rootOutside(spec.Linux)
	return folder, os.Chown(filepath.Join(folder, "upper"), uid, gid)
}

// makeMountPoints makes a folder for each mount, or a file where a file is bound.
func makeMountPoints(base string, mounts []specs.Mount) error {
	for _, m := range mounts {
		place := filepath.Join(base, m.Destination)
		if info, err := os.Stat(m.Source); m.Type == "bind" && err == nil && !info.IsDir() {
			if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
				return err
			}
			file, err := os.OpenFile(place, os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				return err
			}
			file.Close()
			continue
		}
		if err := os.MkdirAll(place, 0o755); err != nil {
			return err
		}
	}
	return nil
}

// cleanUp takes the root away again. What was written to it in memory is gone then.
func (d *definition) cleanUp() {
	root := filepath.Join(d.folder(), "rootfs")
	if isMounted(root) {
		unix.Unmount(root, unix.MNT_DETACH)
	}
	layers, _ := filepath.Glob(filepath.Join(d.folder(), "layers", "*"))
	for _, layer := range layers {
		unix.Unmount(layer, unix.MNT_DETACH)
		os.Remove(layer)
	}
	for _, name := range []string{"upper", "work", "base"} {
		os.RemoveAll(filepath.Join(d.folder(), name))
	}
}

func isMounted(path string) bool {
	var here, above unix.Stat_t
	if unix.Lstat(path, &here) != nil || unix.Lstat(filepath.Dir(path), &above) != nil {
		return false
	}
	return here.Dev != above.Dev
}

// mountOptions parts the options of a mount(8) line into flags and what is for the filesystem.
func mountOptions(options []string) (uintptr, string) {
	flags := map[string]uintptr{
		"ro": unix.MS_RDONLY, "nosuid": unix.MS_NOSUID, "nodev": unix.MS_NODEV, "noexec": unix.MS_NOEXEC,
		"relatime": unix.MS_RELATIME, "noatime": unix.MS_NOATIME, "strictatime": unix.MS_STRICTATIME,
		"bind": unix.MS_BIND, "rbind": unix.MS_BIND | unix.MS_REC, "rw": 0, "defaults": 0,
		"shared": unix.MS_SHARED, "rshared": unix.MS_SHARED | unix.MS_REC,
	}
	var all uintptr
	var data []string
	for _, option := range options {
		if flag, ok := flags[option]; ok {
			all |= flag
		} else {
			data = append(data, option)
		}
	}
	return all, strings.Join(data, ",")
}
