package enginetest

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/mctr/mctr/containerizer/launcher/engine"
)

// A property is a part of config.json, together with what a container with it shows. An engine that
// ignores the property fails its case, which Ignored proves.
type property struct {
	name string

	base func(*bench, *specs.Spec) // other settings that the property needs; nil: none
	set  func(*bench, *specs.Spec) // sets the property

	// The container runs script; if read is set, the container sleeps while read inspects it. The
	// output of the script, or the result of read, must equal want or satisfy wants.
	script string
	read   func(*bench, engine.Container) string
	want   string
	wants  func(b *bench, shown string) bool

	// exec is true for a property of a process, which a further process in the container can have
	// as well. execOnly is true for one that only such a process can have.
	exec, execOnly bool

	// lacks names the engines that do not support the property, and why; execLacks those that do
	// not support it for an exec.
	lacks, execLacks map[string]string
}

// tables returns all properties. A short test has only those that depend on the version of cgroups,
// because it runs on an emulated machine with another version.
func tables() []property {
	versioned := slices.Concat(deviceRuleProperties, cgroupProperties)
	if testing.Short() {
		return versioned
	}
	return slices.Concat(versioned, processProperties, capabilityProperties, filesystemProperties,
		deviceProperties, namespaceProperties, hookProperties, systemProperties)
}

// cases returns a case with a container and, for a property of a process, another one with an exec.
func (p *property) cases() (all []suiteCase) {
	if !p.execOnly {
		all = append(all, suiteCase{p.name, p.run, p.lacks})
	}
	if p.exec || p.execOnly {
		all = append(all, suiteCase{"exec: " + p.name, p.runExec, p.execLacks})
	}
	return all
}

// spec returns the suite's own spec, with or without the property.
func (p *property) spec(b *bench, with bool) *specs.Spec {
	script := p.script
	if p.read != nil {
		script = "sleep 100"
	}
	s := spec(sh(script))
	s.Process.NoNewPrivileges = false
	if p.base != nil {
		p.base(b, s)
	}
	if with {
		p.set(b, s)
	}
	return s
}

// run checks the property of a container.
func (p *property) run(b *bench) {
	c := b.startSpec(p.spec(b, true))
	if err := c.RunPoststart(); err != nil {
		b.Error(err)
	}
	if p.read != nil {
		shown := p.read(b, c)
		b.kill(c)
		p.accept(b, shown)
		return
	}
	shown, err := io.ReadAll(b.out)
	if err != nil {
		b.Error(err)
	}
	_, _ = c.Init().Wait() // the exit code is that of the script's last command
	b.delete(c)
	p.accept(b, string(shown))
}

// runExec checks the property of a further process, in a container without the property.
func (p *property) runExec(b *bench) {
	base := p.spec(b, false)
	base.Process.Args = sh("sleep 100").Args
	c := b.startSpec(base)
	stdio, out := b.stdio(false)
	exec, err := c.Exec(p.spec(b, true).Process, stdio)
	closeStdio(stdio)
	if err != nil {
		b.kill(c)
		b.Fatal(err)
	}
	shown, err := io.ReadAll(out)
	if err != nil {
		b.Error(err)
	}
	_, _ = exec.Wait()
	b.kill(c)
	p.accept(b, string(shown))
}

func (p *property) accept(b *bench, shown string) {
	b.Helper()
	shown = strings.TrimSpace(shown)
	if p.wants != nil {
		if !p.wants(b, shown) {
			b.Errorf("the container shows %q", shown)
		}
		return
	}
	if shown != p.want {
		b.Errorf("the container shows %q, want %q", shown, p.want)
	}
}

// status returns a script that prints fields of the shell's own /proc/[pid]/status.
func status(fields ...string) string {
	return fmt.Sprintf("while read -r key value; do case $key in %s:) echo $key $value;; esac; done </proc/$$/status",
		strings.Join(fields, ":|"))
}

// options returns a script that prints the options and the propagation of the mount at place:
// fields 6 and 7 of /proc/self/mountinfo, without the numbers of peer groups.
func options(place string) string {
	return "while read -r a b c d at options shared rest; do [ $at = " + place +
		" ] && echo $options ${shared%:*}; done </proc/self/mountinfo"
}
