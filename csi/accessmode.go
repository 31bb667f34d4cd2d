package csi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mctr/mctr"
)

// An AccessMode is how many nodes and workloads may use a volume at once, by the name that CSI gives
// it in lower case. Its zero value is SingleNodeWriter.
type AccessMode string

// The access modes of CSI 1.13. The two about writers of a single node need a plugin with
// SINGLE_NODE_MULTI_WRITER; SingleNodeSingleWriter is SingleNodeWriter for other plugins.
const (
	SingleNodeWriter       AccessMode = "single_node_writer"
	SingleNodeReaderOnly   AccessMode = "single_node_reader_only"
	MultiNodeReaderOnly    AccessMode = "multi_node_reader_only"
	MultiNodeSingleWriter  AccessMode = "multi_node_single_writer"
	MultiNodeMultiWriter   AccessMode = "multi_node_multi_writer"
	SingleNodeSingleWriter AccessMode = "single_node_single_writer"
	SingleNodeMultiWriter  AccessMode = "single_node_multi_writer"
)

// AccessModes lists the modes by their numbers in CSI, of which the first is 1.
var AccessModes = []AccessMode{SingleNodeWriter, SingleNodeReaderOnly, MultiNodeReaderOnly, MultiNodeSingleWriter,
	MultiNodeMultiWriter, SingleNodeSingleWriter, SingleNodeMultiWriter}

// Number returns the mode's number in CSI.
func (m AccessMode) Number() int32 {
	return int32(slices.Index(AccessModes, cmp.Or(m, SingleNodeWriter))) + 1
}

// ReaderOnly returns true if no workload may write.
func (m AccessMode) ReaderOnly() bool { return m == SingleNodeReaderOnly || m == MultiNodeReaderOnly }

// Exclusive returns true if one workload of the node at most may use the volume.
func (m AccessMode) Exclusive() bool {
	switch m {
	case "", SingleNodeWriter, SingleNodeReaderOnly, SingleNodeSingleWriter:
		return true
	}
	return false
}

// SingleWriter returns true if several workloads may use the volume, of which one may write.
func (m AccessMode) SingleWriter() bool { return m == MultiNodeSingleWriter }

// Sent returns the mode that is sent to a plugin for m. A plugin with SINGLE_NODE_MULTI_WRITER gets the
// newer modes instead of SingleNodeWriter, and another plugin never gets them (spec, NodePublishVolume).
// The error wraps mctr.ErrUnsupported.
func (m AccessMode) Sent(multiWriter bool) (AccessMode, error) {
	switch m {
	case "", SingleNodeWriter, SingleNodeSingleWriter:
		if multiWriter {
			return SingleNodeSingleWriter, nil
		}
		return SingleNodeWriter, nil
	case SingleNodeMultiWriter:
		if !multiWriter {
			return "", fmt.Errorf("%w: access mode %s needs a plugin with SINGLE_NODE_MULTI_WRITER (use %s)",
				mctr.ErrUnsupported, m, MultiNodeMultiWriter)
		}
	}
	return m, nil
}

func (m AccessMode) validate() error {
	if m != "" && !slices.Contains(AccessModes, m) {
		return fmt.Errorf("%w: access_mode: %q is not valid: want one of %s", mctr.ErrInvalid, string(m), modeNames())
	}
	return nil
}

func modeNames() string {
	var names []string
	for _, m := range AccessModes {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}
