package ddl

import "cloudsql/storage/schema"

// PlanSpread makes a table's unique keys such as hold over several tablets (decision 51), by other indexes in their places. Those of a
// partitioned table are in one tablet each (1503).
func PlanSpread(t *schema.Table) *Change {
	c := &Change{From: t, Spread: true}
	if t.Partitioning != nil {
		return c
	}
	to := t.Clone()
	for i := range to.Indexes {
		ix := &to.Indexes[i]
		if !ix.Unique || ix.ID == schema.PrimaryIndex {
			continue
		}
		c.Drop = append(c.Drop, ix.ID)
		ix.ID = to.NextIndexID
		to.NextIndexID++
		c.Build = append(c.Build, ix.ID)
	}
	if len(c.Build) > 0 {
		c.Table = to
	}
	return c
}
