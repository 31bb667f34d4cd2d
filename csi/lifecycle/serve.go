// Package lifecycle has the order of CSI calls: it leads a volume from its creation to a container and
// back. Its entry is Serve, one request of one process.
//
// A publish attaches the volume to the node, stages it, and publishes it, as far as the plugin has these
// calls; the first container does all, and each next one publishes alone. The way back is the same
// backwards, with the last container. Every step is in the volume's record before the call is made,
// and behind each stands a failpoint, see Failpoints. A process that finds a record with a step half
// done repeats or reverses the call.
//
// On disk and in the kernel: see package csi. After a publish, mountinfo has to show that the target is
// the volume, and not a directory of the host; else it is unpublished. Directories are removed by
// rmdir(2) alone, which fails at a mount.
package lifecycle

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/csi"
	"github.com/mctr/mctr/csi/rpc"
	"github.com/mctr/mctr/internal/dirs"
	"github.com/mctr/mctr/internal/fields"
)

// mostInput limits a request, in bytes.
const mostInput = 8 << 20

// Serve reads one request from in, does it, and writes its answer to out. If ctx ends, a request that
// does something stops and is undone as far as it can be; one that undoes something goes on. The error
// is one of in or out: that of the request is in the answer.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	input, err := io.ReadAll(io.LimitReader(in, mostInput))
	if err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	answer, err := serve(ctx, input)
	if answer == nil {
		answer = &csi.Answer{}
	}
	if err != nil {
		answer.Error = csi.AsError(err, "")
	}
	return json.NewEncoder(out).Encode(answer)
}

func serve(ctx context.Context, input []byte) (*csi.Answer, error) {
	request := &csi.Request{}
	// A field that this build does not know would be ignored, and may be what keeps data safe.
	if err := fields.Decode(bytes.TrimSpace(input), request); err != nil {
		if _, unknown := errors.AsType[fields.Unknown](err); unknown {
			return nil, fmt.Errorf("%w: csi request: %v (keep mctr's programs together, of one build)",
				mctr.ErrUnsupported, err)
		}
		// The text of the error may have a part of the input, and with it a secret.
		return nil, fmt.Errorf("%w: the csi request is not valid JSON", mctr.ErrInvalid)
	}
	if err := request.Validate(); err != nil {
		return nil, err
	}
	return do(ctx, request)
}

// A work is what one process does.
type work struct {
	request *csi.Request
	store   *csi.Store
	conn    *rpc.Conn
	boot    string

	have *rpc.Capabilities // of the plugin; nil: not asked yet
	node *nodeInfo         // nil: not asked yet
}

// nodeInfo is what the plugin calls this node.
type nodeInfo struct {
	id       string
	segments csi.Segments
}

// verbs has what is done for each verb.
var verbs = map[string]func(*work, context.Context) (*csi.Answer, error){
	csi.VerbProbe:          (*work).probe,
	csi.VerbValidate:       (*work).validate,
	csi.VerbCreate:         (*work).create,
	csi.VerbDelete:         (*work).delete,
	csi.VerbPublish:        (*work).publish,
	csi.VerbUnpublish:      (*work).unpublish,
	csi.VerbExpand:         (*work).expand,
	csi.VerbModify:         (*work).modify,
	csi.VerbStats:          (*work).stats,
	csi.VerbHealth:         (*work).health,
	csi.VerbVolumes:        (*work).volumes,
	csi.VerbSnapshots:      (*work).snapshots,
	csi.VerbCapacity:       (*work).capacity,
	csi.VerbSnapshot:       (*work).snapshot,
	csi.VerbDeleteSnapshot: (*work).deleteSnapshot,
	csi.VerbRecover:        (*work).recover,
}

func do(ctx context.Context, request *csi.Request) (*csi.Answer, error) {
	if request.Undoes() {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(time.Duration(request.Timeout), csi.DefaultTimeout))
	defer cancel()
	root, err := dirs.Resolve(request.Root) // mountinfo has no symbolic links
	if err != nil {
		return nil, err
	}
	boot, err := csi.Boot()
	if err != nil {
		return nil, err
	}
	limit := cmp.Or(time.Duration(request.CallTimeout), csi.DefaultCallTimeout)
	conn, err := rpc.New(request.Plugin.Socket, request.Secrets, limit)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	w := &work{request: request, store: csi.NewStore(root), conn: conn, boot: boot}
	f, ok := verbs[request.Verb]
	if !ok {
		return nil, fmt.Errorf("%w: csi request: verb: %q is not valid", mctr.ErrInvalid, request.Verb)
	}
	answer, err := f(w, ctx)
	if err == nil {
		return answer, nil
	}
	e := csi.AsError(err, "")
	if request.Volume != nil {
		e.Volume = cmp.Or(e.Volume, request.Volume.String())
	}
	if w.node != nil {
		e.Node = cmp.Or(e.Node, w.node.id)
	}
	return answer, e
}

// negotiate asks the plugin for its name and capabilities, once.
func (w *work) negotiate(ctx context.Context) error {
	if w.have != nil {
		return nil
	}
	have, err := w.conn.Capabilities(ctx)
	if err == nil {
		err = w.conn.CheckName(ctx, w.request.Plugin.Name)
	}
	if e, ok := errors.AsType[*csi.Error](err); ok {
		e.Unknown = false // these calls change nothing
	}
	if err == nil {
		w.have = have
	}
	return err
}

// thisNode asks the plugin for this node, once.
func (w *work) thisNode(ctx context.Context) (*nodeInfo, error) {
	if w.node != nil {
		return w.node, nil
	}
	r, err := w.conn.NodeInfo(ctx)
	if err != nil {
		return nil, err
	}
	w.node = &nodeInfo{id: r.GetNodeId(), segments: r.GetAccessibleTopology().GetSegments()}
	return w.node, nil
}

// probe describes the plugin.
func (w *work) probe(ctx context.Context) (*csi.Answer, error) {
	if err := w.negotiate(ctx); err != nil {
		return nil, err
	}
	info, err := w.conn.Info(ctx, w.have)
	return &csi.Answer{Info: info}, err
}
