package rpc

import (
	"fmt"
	"regexp"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The limits of fields in bytes (spec, Size Limits; NodeGetInfoResponse; MountVolume).
const (
	stringLimit = 128
	mapLimit    = 4 << 10
	nodeLimit   = 256
	flagsLimit  = 4 << 10
	pathLimit   = 4096 // of the system: the limit of paths is the operating system's
)

// limits are the fields with a limit of their own.
var limits = map[protoreflect.Name]int{"staging_target_path": pathLimit, "target_path": pathLimit,
	"volume_path": pathLimit, "volume_publish_path": pathLimit, "node_id": nodeLimit, "published_node_ids": nodeLimit,
	"mount_flags": flagsLimit}

// texts are fields for people, which are shown and not sent back: they are cut instead of refused.
var texts = map[protoreflect.Name]bool{"message": true, "reason": true}

// secretKey is what the key of a secret consists of (spec, Secrets Requirements).
var secretKey = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// checkLimits returns an error that names the first field of m, or of a message in it, that is too long.
func checkLimits(m proto.Message) (err error) {
	if m.ProtoReflect().Descriptor().ParentFile().Package() != "csi.v1" {
		return nil // timestamps and the like
	}
	m.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case texts[field.Name()]:
		case field.IsMap():
			err = checkMap(field, v.Map())
		case field.IsList():
			err = checkList(field, v.List())
		default:
			err = checkValue(field, v, 0)
		}
		return err == nil
	})
	return err
}

func checkMap(field protoreflect.FieldDescriptor, m protoreflect.Map) (err error) {
	total := 0
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		total += len(k.String()) + len(v.String())
		if field.Name() == "secrets" && !secretKey.MatchString(k.String()) {
			err = fmt.Errorf("secrets: the key %q is not valid: want letters, digits, '-', '_' and '.'", k.String())
		}
		return err == nil
	})
	if err == nil && total > mapLimit {
		err = fmt.Errorf("%s has %d bytes, at most %d are allowed", field.Name(), total, mapLimit)
	}
	return err
}

func checkList(field protoreflect.FieldDescriptor, l protoreflect.List) error {
	total := 0
	for i := range l.Len() {
		if field.Name() == "mount_flags" {
			total += len(l.Get(i).String()) // all of them together
		}
		if err := checkValue(field, l.Get(i), total); err != nil {
			return err
		}
	}
	return nil
}

// checkValue checks one value; before is what counts towards its limit already.
func checkValue(field protoreflect.FieldDescriptor, v protoreflect.Value, before int) error {
	if field.Kind() == protoreflect.MessageKind {
		return checkLimits(v.Message().Interface())
	}
	if field.Kind() != protoreflect.StringKind {
		return nil
	}
	limit, ok := limits[field.Name()]
	if !ok {
		limit = stringLimit
	}
	if size := max(len(v.String()), before); size > limit {
		return fmt.Errorf("%s has %d bytes, at most %d are allowed", field.Name(), size, limit)
	}
	return nil
}
