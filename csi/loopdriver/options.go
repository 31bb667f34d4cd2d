package loopdriver

import (
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
)

// Name is the plugin's name, which GetPluginInfo returns.
const Name = "loop.csi.mctr.dev"

// The features that Options.Without can switch off.
const (
	Controller  = "controller"   // the whole Controller service
	Create      = "create"       // CreateVolume and DeleteVolume
	Attach      = "attach"       // ControllerPublishVolume and its reverse
	Stage       = "stage"        // NodeStageVolume and its reverse
	Block       = "block"        // volumes of access type block
	Snapshot    = "snapshot"     // snapshots, and volumes from them
	Clone       = "clone"        // volumes from volumes
	Expand      = "expand"       // ControllerExpandVolume and NodeExpandVolume
	List        = "list"         // ListVolumes, ListSnapshots, GetCapacity
	Get         = "get"          // ControllerGetVolume, GetSnapshot
	Modify      = "modify"       // ControllerModifyVolume
	Stats       = "stats"        // NodeGetVolumeStats
	Health      = "health"       // the health calls of CSI 1.13
	Topology    = "topology"     // accessibility constraints
	MultiWriter = "multi-writer" // SINGLE_NODE_MULTI_WRITER
	Group       = "group"        // VOLUME_MOUNT_GROUP
)

// Features lists all features.
var Features = []string{Controller, Create, Attach, Stage, Block, Snapshot, Clone, Expand, List, Get, Modify, Stats,
	Health, Topology, MultiWriter, Group}

// Options configure a Driver. The zero value of each but Dir and Node is the full plugin.
type Options struct {
	Dir     string   // the plugin's directory, absolute
	Node    string   // the id of this node
	Without []string // features that the plugin lacks
	Bind    bool     // volumes are directories, published by a bind mount and nothing else

	// Secret makes every call with a field of secrets demand the secret "token" with the value
	// "RPC:" + Secret, for instance "NodeStageVolume:s3cret". Empty: no call needs a secret.
	Secret string
	// Strict makes the calls that carry contexts refuse those that the plugin did not return itself.
	Strict bool
	// OldCondition makes NodeGetVolumeStats return a volume's health as field 2 too, as plugins of
	// CSI 1.3 to 1.12 do.
	OldCondition bool
	// Starting is how many times Probe reports that the plugin is not ready yet.
	Starting int
	// Cutting is how many times CreateSnapshot returns a snapshot that is not ready to use yet.
	Cutting int
	// MaxVolumes limits the volumes attached to the node. 0: not limited.
	MaxVolumes int64
}

// bindLacks are the features that need an image or a device.
var bindLacks = []string{Attach, Stage, Block, Snapshot, Clone, Expand, Modify, Health, Topology, Group}

// ofController are the features that are nothing but calls of the Controller service.
var ofController = []string{Create, Attach, Snapshot, Clone, List, Get, Modify}

// has returns true if the plugin has a feature.
func (o *Options) has(feature string) bool {
	return !slices.Contains(o.Without, feature) && !(o.Bind && slices.Contains(bindLacks, feature)) &&
		(!slices.Contains(ofController, feature) || !slices.Contains(o.Without, Controller))
}

// parse returns the options and the socket that a command line asks for.
func parse(args []string, environ func(string) string, usage io.Writer) (o Options, socket string, err error) {
	flags := flag.NewFlagSet("mctr-csi-loop", flag.ContinueOnError)
	flags.SetOutput(usage)
	endpoint := flags.String("endpoint", environ("CSI_ENDPOINT"), "`unix:///PATH.sock` to listen on")
	flags.StringVar(&o.Dir, "dir", "", "the plugin's `directory`, absolute")
	flags.StringVar(&o.Node, "node", "node-1", "the `id` of this node")
	without := flags.String("without", "", "`features` that the plugin lacks, separated by commas: "+
		strings.Join(Features, " "))
	flags.BoolVar(&o.Bind, "bind", false, "volumes are directories; publish is one bind mount")
	flags.StringVar(&o.Secret, "secret", "", "demand the secret token=RPC:`VALUE` in every call that has secrets")
	flags.BoolVar(&o.Strict, "strict", false, "refuse contexts that the plugin did not return")
	flags.BoolVar(&o.OldCondition, "old-condition", false, "return health in NodeGetVolumeStats too, as before 1.13")
	flags.IntVar(&o.Starting, "starting", 0, "report `N` times that the plugin is not ready yet")
	flags.IntVar(&o.Cutting, "cutting", 0, "report `N` times that a snapshot is not ready yet")
	flags.Int64Var(&o.MaxVolumes, "max-volumes", 0, "attach at most `N` volumes")
	if err := flags.Parse(args); err != nil {
		return o, "", err
	}
	if *without != "" {
		o.Without = strings.Split(*without, ",")
	}
	for _, feature := range o.Without {
		if !slices.Contains(Features, feature) {
			return o, "", fmt.Errorf("-without %s: unknown feature (want one of %s)", feature,
				strings.Join(Features, " "))
		}
	}
	socket, unix := strings.CutPrefix(*endpoint, "unix://")
	switch {
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case !unix || !filepath.IsAbs(socket):
		err = fmt.Errorf("endpoint %q is not valid: want unix:///PATH.sock", *endpoint)
	case !filepath.IsAbs(o.Dir):
		err = fmt.Errorf("-dir %q is not valid: want an absolute path", o.Dir)
	}
	return o, socket, err
}
