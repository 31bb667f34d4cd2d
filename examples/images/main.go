// Command images uses only the image store, without containers: it pulls an image, prints facts
// about it, and writes its files to a directory.
//
//	images docker.io/library/alpine /tmp/alpine
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/containerizer/host"
	"github.com/mctr/mctr/provisioner"
)

func main() {
	log.SetFlags(0)
	root := flag.String("root", host.DefaultRoot, "directory of images")
	flag.Parse()
	if flag.NArg() != 2 {
		log.Fatal("usage: images [flags] IMAGE DIR")
	}
	err := unpack(context.Background(), *root, flag.Arg(0), flag.Arg(1))
	switch {
	case errors.Is(err, mctr.ErrNotFound):
		log.Fatal("the registry has no such image: ", err)
	case errors.Is(err, mctr.ErrInvalid):
		log.Fatal("the image does not match its digests: ", err)
	case err != nil:
		log.Fatal(err)
	}
}

func unpack(ctx context.Context, root, ref, dir string) (err error) {
	h, err := host.Open(host.Config{Root: root}) // opens nothing yet, so STATE is not needed
	if err != nil {
		return err
	}
	images, err := h.Images()
	if err != nil {
		return err
	}
	// A lease keeps the image until it is released. This holder ends with the process: if
	// the process is killed, the next Prune drops the lease.
	holder, err := provisioner.ProcessHolder()
	if err != nil {
		return err
	}
	image, err := images.Lease(ctx, holder, ref, provisioner.PullOptions{Progress: show})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, images.Release(holder)) }()

	fmt.Println("command:", image.Config.Entrypoint, image.Config.Cmd)
	fmt.Println("layers:", len(image.Layers))
	return images.Unpack(ctx, image, dir) // DIR must be empty or missing
}

func show(e provisioner.Event) {
	if e.Kind == provisioner.Unpacked {
		fmt.Println("unpacked:", e.Digest)
	}
}
