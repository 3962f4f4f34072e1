package main

import (
	"encoding/json"
	"io"
	"os"

	"github.com/containerd/containerd/contrib/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// seccompProfile reads a config.json and writes it with the profile that containerd gives by default, which depends on the
// container's capabilities.
func seccompProfile([]string) int {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return fail("%v", err)
	}
	spec := &specs.Spec{}
	if err := json.Unmarshal(text, spec); err != nil {
		return fail("%v", err)
	}
	profile, err := json.Marshal(seccomp.DefaultProfile(spec))
	if err != nil {
		return fail("%v", err)
	}
	// Everything else stays as it was written.
	var whole map[string]json.RawMessage
	var linux map[string]json.RawMessage
	if err := json.Unmarshal(text, &whole); err != nil {
		return fail("%v", err)
	}
	if err := json.Unmarshal(whole["linux"], &linux); err != nil {
		return fail("%v", err)
	}
	linux["seccomp"] = profile
	if whole["linux"], err = json.Marshal(linux); err != nil {
		return fail("%v", err)
	}
	out, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		return fail("%v", err)
	}
	os.Stdout.Write(append(out, '\n'))
	return 0
}
