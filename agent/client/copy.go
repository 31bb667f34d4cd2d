package client

import (
	"context"
	"io"
	"io/fs"
	"time"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
)

// StatPath returns the type, size and mode of a file in a container.
func (c *Client) StatPath(ctx context.Context, id mctr.ContainerID, file string,
	o containerizer.CopyOptions) (*containerizer.PathStat, error) {
	var stat api.PathStat
	if err := c.call(ctx, api.StatPath,
		api.Stat{ContainerID: api.NewContainerID(id), Path: file, FollowLink: o.FollowLink}, &stat); err != nil {
		return nil, err
	}
	return &containerizer.PathStat{FileInfo: fileInfo{stat}, LinkTarget: stat.LinkTarget}, nil
}

// CopyFrom writes a file or directory of a container to w, as a tar stream.
func (c *Client) CopyFrom(ctx context.Context, id mctr.ContainerID, file string, w io.Writer,
	o containerizer.CopyOptions) error {
	from := api.CopyFrom{ContainerID: api.NewContainerID(id), Path: file, Name: o.Name, FollowLink: o.FollowLink}
	return c.download(ctx, api.CopyFromContainer, from, w)
}

// CopyTo unpacks the tar stream r into a directory of a container.
func (c *Client) CopyTo(ctx context.Context, id mctr.ContainerID, dir string, r io.Reader,
	o containerizer.CopyOptions) error {
	answer, err := c.upload(ctx, api.CopyToContainer,
		api.CopyTo{ContainerID: api.NewContainerID(id), Path: dir, Archive: o.Archive}, r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// fileInfo implements fs.FileInfo with the answer of an agent.
type fileInfo struct{ stat api.PathStat }

func (f fileInfo) Name() string       { return f.stat.Name }
func (f fileInfo) Size() int64        { return f.stat.Size }
func (f fileInfo) Mode() fs.FileMode  { return f.stat.Mode }
func (f fileInfo) ModTime() time.Time { return f.stat.Mtime }
func (f fileInfo) IsDir() bool        { return f.stat.Mode.IsDir() }
func (f fileInfo) Sys() any           { return nil }
