package exec

import (
	"cloudsql/storage/memory"
	"cloudsql/storage/types"
)

// aside is what an operator that passes rows of one input has put into files, because it could not tell about them with what is in
// memory: partitions by their keys, which are dealt with one after the other. Rows have their number in the input behind their
// columns, which puts what passes in order again.
//
// What passes before the first row is put aside passes before all of those.
type aside struct {
	run      *Run
	file     *rowFile // being written; nil: none
	division int      // of what is read at present
	tasks    []asideTask
	task     *asideTask // being dealt with
	rows     int64      // of the input that were put aside
	width    int        // of them
	number   [1]types.Value
	out      Operator // the rows of all tasks in order
}

// asideTask is a partition of rows, and for INTERSECT and EXCEPT the same partition of the right side's keys.
type asideTask struct {
	rows, right *rowFile // right may be nil
	part        int
	division    int
}

// put writes a row to the partition of its key.
func (a *aside) put(key []byte, row []types.Value) error {
	if a.file == nil {
		var err error
		if a.file, err = newRowFile(a.run, memory.Distinct, partitions); err != nil {
			return err
		}
	}
	var more []types.Value
	if a.task == nil {
		a.rows++
		a.width = len(row)
		a.number[0] = types.Int(a.rows)
		more = a.number[:]
	}
	return a.file.add(partitionOf(key, a.division), row, more)
}

// end makes tasks of what was put aside. right has the right side's partitions; it may be nil.
func (a *aside) end(right *rowFile) error {
	f := a.file
	if f == nil {
		right.close()
		return nil
	}
	if err := f.finish(); err != nil {
		right.close()
		return err
	}
	a.file = nil
	for i := range f.parts {
		if f.parts[i].rows == 0 {
			continue
		}
		a.tasks = append(a.tasks, asideTask{rows: f, right: right, part: i, division: a.division + 1})
		f.tasks++
		if right != nil {
			right.tasks++
		}
	}
	if f.tasks == 0 {
		closeFiles(f, right)
	}
	return nil
}

// next ends the present task and begins another one; false where none is left.
func (a *aside) next() bool {
	a.done()
	if len(a.tasks) == 0 {
		return false
	}
	last := len(a.tasks) - 1
	t := a.tasks[last]
	a.task, a.tasks = &t, a.tasks[:last]
	a.division = a.task.division
	return true
}

func (a *aside) done() {
	if t := a.task; t != nil {
		t.rows.done()
		if t.right != nil {
			t.right.done()
		}
		a.task = nil
	}
}

// divisible tells whether what does not fit may be divided once more.
func (a *aside) divisible() bool { return a.division < maxDivisions }

func (a *aside) close() {
	if a.out != nil {
		a.out.Close()
	}
	a.done()
	a.file.close()
	for _, t := range a.tasks {
		closeFiles(t.rows, t.right)
	}
	a.tasks = nil
}
