package rpc

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// FuzzOldCondition: fields that the protocol does not know may be anything.
func FuzzOldCondition(f *testing.F) {
	var condition []byte
	condition = protowire.AppendTag(condition, abnormalField, protowire.VarintType)
	condition = protowire.AppendVarint(condition, 1)
	f.Add(protowire.AppendBytes(protowire.AppendTag(nil, conditionField, protowire.BytesType), condition))
	f.Fuzz(func(t *testing.T, unknown []byte) {
		for _, c := range oldCondition(unknown) {
			if c.Status != "ABNORMAL" || c.From == "" {
				t.Errorf("%x: %+v", unknown, c)
			}
		}
	})
}
