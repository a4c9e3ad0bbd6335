package partition

import (
	"bytes"

	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Check holds the partitions' values to each other: 1481, 1493, 1495.
func (m *Map) Check() error {
	switch l := m.top; l.rule.Method {
	case schema.PartitionByRange:
		for i := range l.bounds {
			last := m.table.Partitioning.Partitions[i].Values[0]
			if l.expr != nil && last[0].Max && i < l.count-1 {
				return mysqlerr.New(mysqlerr.PartitionMaxvalue)
			}
			if i > 0 && bytes.Compare(l.bounds[i-1], l.bounds[i]) >= 0 {
				return mysqlerr.New(mysqlerr.RangeNotIncreasing)
			}
		}
	case schema.PartitionByList:
		if len(l.places) < len(l.values) {
			return mysqlerr.New(mysqlerr.MultipleDefConstInListPart)
		}
	}
	return nil
}

// Reaches tells of RANGE that the last partition ends where, or behind where, that of o does.
func (m *Map) Reaches(o *Map) bool {
	a, b := m.top.bounds, o.top.bounds
	return bytes.Compare(a[len(a)-1], b[len(b)-1]) >= 0
}
