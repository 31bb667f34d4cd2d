package ociruntime

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// An execution describes a further process in a container by the flags of exec.
type execution struct {
	start
	processFile, cwd, user    string
	processLabel, apparmor    string
	env, caps, gids, cgroups  list
	tty, ignorePaused         bool
	noNewPrivs, noNewPrivsSet bool
	subCgroups                map[string]string // paths by controller
}

func (e *execution) register(f *flag.FlagSet) {
	stringVar(f, &e.processFile, "process", "p", "JSON file with the process")
	boolVar(f, &e.detach, "detach", "d", "do not wait for the process to exit")
	boolVar(f, &e.tty, "tty", "t", "run the process on a terminal")
	stringVar(f, &e.user, "user", "u", "UID[:GID]")
	f.StringVar(&e.pidFile, "pid-file", "", "file to write the process's pid to")
	f.StringVar(&e.consoleSocket, "console-socket", "", "unix socket that receives the terminal's master")
	f.StringVar(&e.pidfdSocket, "pidfd-socket", "", "unix socket that receives a pidfd of the process")
	f.StringVar(&e.cwd, "cwd", "", "working directory")
	f.StringVar(&e.processLabel, "process-label", "", "SELinux label")
	f.StringVar(&e.apparmor, "apparmor", "", "AppArmor profile")
	f.BoolVar(&e.noNewPrivs, "no-new-privs", false, "set no_new_privs")
	f.BoolVar(&e.ignorePaused, "ignore-paused", false, "run even in a paused container")
	f.IntVar(&e.preserve, "preserve-fds", 0, "pass this many further descriptors, from 3 on")
	for name, l := range map[string]*list{"env": &e.env, "e": &e.env, "cap": &e.caps, "c": &e.caps,
		"additional-gids": &e.gids, "g": &e.gids, "cgroup": &e.cgroups} {
		f.Var(l, name, "may be repeated")
	}
}

func isSet(f *flag.FlagSet, name string) (set bool) {
	f.Visit(func(given *flag.Flag) { set = set || given.Name == name })
	return set
}

// change applies the flags to the container's own process.
func (e *execution) change(p *specs.Process) error {
	for to, from := range map[*string]string{&p.Cwd: e.cwd, &p.ApparmorProfile: e.apparmor,
		&p.SelinuxLabel: e.processLabel} {
		if from != "" {
			*to = from
		}
	}
	p.Env = append(p.Env, e.env...)
	p.Terminal = e.tty
	if e.noNewPrivsSet {
		p.NoNewPrivileges = e.noNewPrivs
	}
	e.addCapabilities(p)
	return errors.Join(e.changeUser(&p.User), e.addGroups(&p.User))
}

// addCapabilities adds the capabilities of --cap. They become ambient only if the process has an
// inheritable set.
func (e *execution) addCapabilities(p *specs.Process) {
	if len(e.caps) == 0 {
		return
	}
	if p.Capabilities == nil {
		p.Capabilities = &specs.LinuxCapabilities{}
	}
	c := p.Capabilities
	c.Bounding, c.Effective, c.Permitted = append(c.Bounding, e.caps...), append(c.Effective, e.caps...),
		append(c.Permitted, e.caps...)
	if c.Inheritable != nil {
		c.Ambient = append(c.Ambient, e.caps...)
	}
}

func (e *execution) changeUser(u *specs.User) error {
	if e.user == "" {
		return nil
	}
	uid, gid, grouped := strings.Cut(e.user, ":")
	if err := number(&u.UID, uid); err != nil || !grouped {
		return err
	}
	return number(&u.GID, gid)
}

func (e *execution) addGroups(u *specs.User) error {
	for _, g := range e.gids {
		var gid uint32
		if err := number(&gid, g); err != nil {
			return err
		}
		u.AdditionalGids = append(u.AdditionalGids, gid)
	}
	return nil
}

func number(to *uint32, s string) error {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return fmt.Errorf("user or group %q: want a number", s)
	}
	*to = uint32(n)
	return nil
}

// subCgroups parses --cgroup: one path on cgroup v2, CONTROLLER[,...]:PATH on v1.
func subCgroups(args []string) (map[string]string, error) {
	if len(args) == 0 {
		return nil, nil
	}
	paths := map[string]string{}
	for _, arg := range args {
		controllers, path, named := strings.Cut(arg, ":")
		if !named {
			controllers, path = "", arg
		}
		for controller := range strings.SplitSeq(controllers, ",") {
			if _, twice := paths[controller]; twice || named && controller == "" || !named && len(args) > 1 {
				return nil, fmt.Errorf("--cgroup %s: want one PATH, or CONTROLLER[,...]:PATH for each controller once",
					arg)
			}
			paths[controller] = path
		}
	}
	return paths, nil
}
