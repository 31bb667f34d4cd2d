package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/user"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/mctr/mctr"
	"github.com/mctr/mctr/agent/api"
	"github.com/mctr/mctr/containerizer"
)

// serveFiles answers a GET request with the result of ask, as JSON.
func (s *Server) serveFiles(w http.ResponseWriter, r *http.Request, kind string,
	ask func(ctx context.Context) (any, error)) {
	x := &exchange{Server: s, w: w, r: r, kind: kind, code: http.StatusOK}
	began := time.Now()
	ctx, cancel := context.WithTimeout(r.Context(), quickTime)
	defer cancel()
	answer, err := ask(ctx)
	if err != nil {
		x.code = x.status(err)
		x.fail(err)
	} else {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
		w.Header().Set("Content-Type", api.JSON)
		_ = json.NewEncoder(w).Encode(answer) // an error means that the client has disconnected
	}
	s.metrics.request(kind, Quick, x.code, time.Since(began))
}

func (s *Server) serveBrowse(w http.ResponseWriter, r *http.Request) {
	s.serveFiles(w, r, "/files/browse", func(ctx context.Context) (any, error) {
		list, err := s.files.Browse(ctx, r.FormValue("path"))
		answer := make([]api.ListedFile, len(list))
		names := owners{}
		for i, f := range list {
			answer[i] = api.ListedFile{
				GID: names.group(f.GID), UID: names.user(f.UID), Mode: modeText(f.Mode), Mtime: f.Mtime.Unix(),
				Nlink: f.Nlink, Path: f.Path, Size: f.Size,
			}
		}
		return answer, err
	})
}

// listFiles does the same as /files/browse, as a call.
func (c hostCalls) listFiles(ctx context.Context, in api.FilePath) (api.Files, error) {
	list, err := c.files.Browse(ctx, in.Path)
	answer := api.Files{FileInfos: make([]api.FileInfo, len(list))}
	names := owners{}
	for i, f := range list {
		answer.FileInfos[i] = api.FileInfo{
			Path: f.Path, Nlink: f.Nlink, Size: f.Size, Mtime: api.Duration{Nanoseconds: f.Mtime.UnixNano()},
			Mode: f.Mode,
			UID:  names.user(f.UID), GID: names.group(f.GID),
		}
	}
	return answer, err
}

// owners caches the names of users and groups, because a lookup may be slow.
type owners map[string]string

func (o owners) user(id uint32) string {
	return o.name("user ", id, func(id string) (string, error) {
		u, err := user.LookupId(id)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})
}

func (o owners) group(id uint32) string {
	return o.name("group ", id, func(id string) (string, error) {
		g, err := user.LookupGroupId(id)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	})
}

// name returns the name of an id on this host, or the number if the id has no name.
func (o owners) name(kind string, id uint32, look func(string) (string, error)) string {
	number := strconv.FormatUint(uint64(id), 10)
	name, known := o[kind+number]
	if known {
		return name
	}
	name, err := look(number)
	if err != nil {
		name = number
	}
	o[kind+number] = name
	return name
}

// modeText formats a mode as ls(1) does.
func modeText(mode uint32) string {
	kinds := map[uint32]byte{
		unix.S_IFDIR: 'd', unix.S_IFLNK: 'l', unix.S_IFIFO: 'p', unix.S_IFSOCK: 's', unix.S_IFBLK: 'b',
		unix.S_IFCHR: 'c',
	}
	text := []byte("-rwxrwxrwx")
	if kind, ok := kinds[mode&unix.S_IFMT]; ok {
		text[0] = kind
	}
	for bit := range 9 {
		if mode&(1<<bit) == 0 {
			text[9-bit] = '-'
		}
	}
	for _, special := range []struct {
		bit     uint32
		at      int
		letters string // without and with permission to execute
	}{{unix.S_ISUID, 3, "Ss"}, {unix.S_ISGID, 6, "Ss"}, {unix.S_ISVTX, 9, "Tt"}} {
		if mode&special.bit != 0 {
			executable := 0
			if text[special.at] == 'x' {
				executable = 1
			}
			text[special.at] = special.letters[executable]
		}
	}
	return string(text)
}

// serveRead answers with a part of a file, or with the size of the file if the offset is -1.
func (s *Server) serveRead(w http.ResponseWriter, r *http.Request) {
	s.serveFiles(w, r, "/files/read", func(ctx context.Context) (any, error) {
		offset, err := number(r, "offset")
		if err != nil {
			return nil, err
		}
		length, err := number(r, "length")
		if err != nil {
			return nil, err
		}
		if offset == -1 {
			size, err := s.files.Size(ctx, r.FormValue("path"))
			return api.FilePiece{Offset: size}, err
		}
		data, _, err := s.files.Read(ctx, r.FormValue("path"), offset, length)
		return api.FilePiece{Data: string(wholeRunes(data)), Offset: offset}, err
	})
}

// number returns the value of a query parameter, or -1 if the parameter is missing.
func number(r *http.Request, name string) (int64, error) {
	text := r.FormValue(name)
	if text == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < -1 {
		return 0, fmt.Errorf("%w: %s=%.64q: want a number, or -1", mctr.ErrInvalid, name, text)
	}
	return n, nil
}

// wholeRunes removes an incomplete character from the end of data, unless data has nothing else. The
// next read then begins with that character.
func wholeRunes(data []byte) []byte {
	for back := 1; back < utf8.UTFMax && back < len(data); back++ {
		tail := data[len(data)-back:]
		if !utf8.RuneStart(tail[0]) {
			continue
		}
		if !utf8.FullRune(tail) {
			return data[:len(data)-back]
		}
		break
	}
	return data
}

// readFile does the same as /files/read, as a call.
func (c hostCalls) readFile(ctx context.Context, in api.FileRange) (api.FileData, error) {
	length := int64(-1)
	if in.Length != nil {
		length = *in.Length
	}
	data, size, err := c.files.Read(ctx, in.Path, in.Offset, length)
	return api.FileData{Size: size, Data: data}, err
}

// statPath returns the type, size and mode of a file in a container.
func (s *Server) statPath(ctx context.Context, in api.Stat) (api.PathStat, error) {
	stat, err := s.Local.StatPath(ctx, in.ContainerID.ID(), in.Path,
		containerizer.CopyOptions{FollowLink: in.FollowLink})
	if err != nil {
		return api.PathStat{}, err
	}
	return api.PathStat{Name: stat.Name(), Size: stat.Size(), Mode: stat.Mode(), Mtime: stat.ModTime(),
		LinkTarget: stat.LinkTarget}, nil
}

// copyFrom writes a file or directory of a container to w, as a tar stream.
func copyFrom(x *exchange, in api.CopyFrom, w io.Writer) error {
	return x.Local.CopyFrom(x.r.Context(), in.ContainerID.ID(), in.Path, w,
		containerizer.CopyOptions{Name: in.Name, FollowLink: in.FollowLink})
}

// copyTo unpacks the archive of the call into a directory of a container.
func copyTo(x *exchange, in api.CopyTo, r io.Reader) error {
	return x.Local.CopyTo(x.r.Context(), in.ContainerID.ID(), in.Path, r,
		containerizer.CopyOptions{Archive: in.Archive})
}
