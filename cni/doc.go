// Package cni attaches network namespaces to CNI networks by way of libcni: it
// reads configuration lists and single files of versions 0.3.1 to 1.1.0, runs
// plugins under a deadline, checks what they answer, and keeps a record of every
// attachment from before its ADD until its DEL has succeeded
// (https://www.cni.dev/docs/spec/).
//
// On disk, below Root (survives a reboot):
//
//	networks/NAME.conflist   networks that mctr made
//	attachments/HASH.IF.json one attachment: what ADD was asked, what it answered, why DEL failed
//	attachments/HASH.IF.lock held by the plugins that work on it, also when their caller has died
//	cache/                   libcni's own: one a root, or one agent's GC would detach another's containers
//	ports.lock               who chooses host ports
//
// and below State (ends with the boot): netns/HASH, where namespaces are pinned,
// and locks/NAME, shared by ADD and DEL of a network and taken alone by its GC.
// In the kernel: pinned network namespaces, bridges of networks that mctr made, the
// VXLAN interfaces of overlays, and what the plugins make.
package cni
