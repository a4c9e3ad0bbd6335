package exec

import (
	"cloudsql/planner/spill"
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// aside is what an operator that passes rows of one input has put into files, because it could not tell about them with what is in
// memory: partitions by their keys, which are dealt with one after the other. Rows have their number in the input behind their
// columns, which puts what passes in order again.
//
// What passes before the first row is put aside passes before all of those.
type aside struct {
	spill.Tasks // the second file of each, for INTERSECT and EXCEPT, has the right side's keys
	run         *Run
	file        *spill.RowFile // being written; nil: none
	rows        int64          // of the input that were put aside
	width       int            // of them
	number      [1]types.Value
	out         Operator // the rows of all tasks in order
}

// put writes a row to the partition of its key.
func (a *aside) put(key []byte, row []types.Value) error {
	if a.file == nil {
		var err error
		if a.file, err = spill.NewRowFile(a.run.Room(), memory.Distinct, spill.Partitions); err != nil {
			return err
		}
	}
	var more []types.Value
	if a.Now == nil {
		a.rows++
		a.width = len(row)
		a.number[0] = types.Int(a.rows)
		more = a.number[:]
	}
	return a.file.Add(spill.PartitionOf(key, a.Division()), row, more)
}

// end makes tasks of what was put aside. right has the right side's partitions; it may be nil.
func (a *aside) end(right *spill.RowFile) error {
	f := a.file
	if f == nil {
		right.Close()
		return nil
	}
	if err := f.Finish(); err != nil {
		right.Close()
		return err
	}
	a.file = nil
	for i := range spill.Partitions {
		if f.RowsOf(i) > 0 {
			a.Push(f, right, i, false)
		}
	}
	spill.CloseIdle(f, right)
	return nil
}

func (a *aside) close() {
	if a.out != nil {
		a.out.Close()
	}
	a.file.Close()
	a.Tasks.Close()
}
