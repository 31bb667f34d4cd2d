// Package cni attaches network namespaces to CNI networks through libcni. It reads configuration
// lists and single files of versions 0.3.1 to 1.1.0, runs plugins with a deadline, checks their
// answers, and keeps a record of every attachment from before its ADD until its DEL has succeeded
// (https://www.cni.dev/docs/spec/).
//
// On disk, below Root (survives a reboot):
//
//	networks/NAME.conflist   networks that mctr made
//	attachments/HASH.IF.json one attachment: the arguments of ADD, its answer, the error of DEL
//	attachments/HASH.IF.lock held by the plugins that work on it, also after their caller has died
//	cache/                   of libcni: one for each root, so that no agent's GC detaches others' containers
//	ports.lock               held while host ports are chosen
//
// and below State (until the reboot): netns/HASH, where namespaces are pinned, and locks/NAME,
// which ADD and DEL of a network share and its GC holds exclusively. In the kernel: pinned network
// namespaces, bridges of networks that mctr made, the VXLAN interfaces of overlays, and whatever
// the plugins make.
package cni
