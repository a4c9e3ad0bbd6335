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
	tasks  // the second file of each, for INTERSECT and EXCEPT, has the right side's keys
	run    *Run
	file   *rowFile // being written; nil: none
	rows   int64    // of the input that were put aside
	width  int      // of them
	number [1]types.Value
	out    Operator // the rows of all tasks in order
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
	if a.now == nil {
		a.rows++
		a.width = len(row)
		a.number[0] = types.Int(a.rows)
		more = a.number[:]
	}
	return a.file.add(partitionOf(key, a.division()), row, more)
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
		if f.parts[i].rows > 0 {
			a.push(f, right, i, false)
		}
	}
	if f.tasks == 0 {
		closeFiles(f, right)
	}
	return nil
}

func (a *aside) close() {
	if a.out != nil {
		a.out.Close()
	}
	a.file.close()
	a.tasks.close()
}
