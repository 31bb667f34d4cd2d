package quota

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// superblock is what this package reads in the superblock of an ext4 filesystem.
type superblock struct {
	blocks, free       uint64 // in units of block
	inodes, freeInodes uint32
}

// readSuperblock reads the superblock of the filesystem in the file image.
func readSuperblock(image string) (superblock, error) {
	f, err := os.Open(image)
	if err != nil {
		return superblock{}, err
	}
	defer f.Close()
	data := make([]byte, 1024)
	if _, err := f.ReadAt(data, 1024); err != nil && !errors.Is(err, io.EOF) {
		return superblock{}, err
	}
	sb, err := parseSuperblock(data)
	if err != nil {
		return superblock{}, fmt.Errorf("%s: %w", image, err)
	}
	return sb, nil
}

// parseSuperblock parses an ext4 superblock of 1024 bytes (the kernel's
// Documentation/filesystems/ext4/super.rst). The container has written the filesystem, but only the
// kernel its superblock.
func parseSuperblock(data []byte) (superblock, error) {
	le := binary.LittleEndian
	if le.Uint16(data[0x38:]) != 0xef53 {
		return superblock{}, errors.New("it has no ext4 filesystem")
	}
	if shift := le.Uint32(data[0x18:]); shift != 2 {
		return superblock{}, fmt.Errorf("its blocks are of 1024<<%d bytes, want %d", shift, block)
	}
	sb := superblock{
		blocks: uint64(le.Uint32(data[0x4:])), free: uint64(le.Uint32(data[0xc:])),
		inodes: le.Uint32(data[0x0:]), freeInodes: le.Uint32(data[0x10:]),
	}
	if const64 := uint32(0x80); le.Uint32(data[0x60:])&const64 != 0 {
		sb.blocks |= uint64(le.Uint32(data[0x150:])) << 32
		sb.free |= uint64(le.Uint32(data[0x158:])) << 32
	}
	if sb.blocks > 1<<48 || sb.free > sb.blocks || sb.freeInodes > sb.inodes {
		return superblock{}, errors.New("its superblock is damaged")
	}
	return sb, nil
}

// reservedInodes are ext4's inodes 1 to 10, except the root directory.
const reservedInodes = 9

func (sb superblock) usage() Usage {
	return Usage{
		Bytes:  int64(sb.blocks-sb.free) * block,
		Inodes: max(int64(sb.inodes-sb.freeInodes)-reservedInodes, 0),
		Limits: Limits{Bytes: int64(sb.blocks) * block, Inodes: max(int64(sb.inodes)-reservedInodes, 0)},
	}
}
