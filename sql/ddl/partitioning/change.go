package partitioning

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/partition"
	"cloudsql/planner/syntax"
	"cloudsql/storage/mysqlerr"
	"cloudsql/storage/schema"
)

// Alter is what a clause of ALTER TABLE about partitions makes of those of a table. moves tells that rows may be in other partitions
// afterwards; otherwise partitions stay with their rows, under their ids, or come and go as a whole.
func Alter(now time.Time, t *schema.Table, s *ast.AlterTableSpec) (p *schema.Partitioning, moves bool, err error) {
	if t.Partitioning == nil {
		return nil, false, mysqlerr.New(mysqlerr.PartitionMgmtOnNonpartitioned)
	}
	r := &partitioner{now: now, t: t, p: t.Partitioning.Clone()}
	r.subs = len(r.p.Partitions[0].Sub)
	if err := r.retype(); err != nil {
		return nil, false, err
	}
	switch s.Tp {
	case ast.AlterTableAddPartitions:
		moves, err = !r.listed(), r.more(s)
	case ast.AlterTableDropPartition:
		err = r.drop(s)
	case ast.AlterTableTruncatePartition:
		err = r.truncate(s)
	case ast.AlterTableCoalescePartitions:
		moves, err = true, r.coalesce(s)
	case ast.AlterTableReorganizePartition:
		moves, err = len(s.PartitionNames) > 0, r.reorganize(s)
	case ast.AlterTableRebuildPartition:
		_, err = r.named(s, "REBUILD")
	default:
		err = mysqlerr.NotSupported("this ALTER TABLE clause")
	}
	if err == nil && len(r.p.Leaves()) > maxPartitions {
		err = mysqlerr.New(mysqlerr.TooManyPartitions)
	}
	return r.p, moves, err
}

// Named holds the names of partitions in a clause that changes nothing to those that there are: 1505, 1507.
func Named(t *schema.Table, s *ast.AlterTableSpec, what string) error {
	if t.Partitioning == nil {
		return mysqlerr.New(mysqlerr.PartitionMgmtOnNonpartitioned)
	}
	_, err := (&partitioner{t: t, p: t.Partitioning}).named(s, what)
	return err
}

// listed tells that the partitions are defined by values: RANGE and LIST.
func (r *partitioner) listed() bool {
	return r.p.Method == schema.PartitionByRange || r.p.Method == schema.PartitionByList
}

// retype finds the types of the values that partitions are defined by.
func (r *partitioner) retype() error {
	if r.p.Expr == "" {
		return r.checkColumns(&r.p.PartitionRule)
	}
	n, err := syntax.Expr(r.p.Expr)
	if err != nil {
		return err
	}
	e, err := checkFunction(r.t, n, r.p.Expr)
	if err == nil {
		r.types = append(r.types, partition.IntegerOf(e))
	}
	return err
}

// named gives the places of the partitions that a clause names, in their order, all for ALL: 1507.
func (r *partitioner) named(s *ast.AlterTableSpec, what string) (at []int, err error) {
	for i := range r.p.Partitions {
		if s.OnAllPartitions || slices.ContainsFunc(s.PartitionNames, func(n ast.CIStr) bool { return strings.EqualFold(n.O, r.p.Partitions[i].Name) }) {
			at = append(at, i)
		}
	}
	if !s.OnAllPartitions && len(at) != len(s.PartitionNames) {
		return nil, mysqlerr.New(mysqlerr.PartitionNotInList, what)
	}
	return at, nil
}

// more is ADD PARTITION. 1492, 1514.
func (r *partitioner) more(s *ast.AlterTableSpec) error {
	defs, n := s.PartDefinitions, len(r.p.Partitions)
	switch {
	case r.listed() && len(defs) == 0:
		return mysqlerr.New(mysqlerr.PartitionsMustBeDefined, r.p.Method.String())
	case len(defs) == 0 && s.Num == 0:
		return mysqlerr.New(mysqlerr.AddPartitionNone)
	case s.Num > maxPartitions:
		return mysqlerr.New(mysqlerr.TooManyPartitions)
	}
	if err := checkClauses(r.clause(defs)); err != nil {
		return err
	}
	if len(defs) > 0 {
		r.p.Named, r.p.Count = true, 0
		return r.add(defs)
	}
	if !r.p.Named {
		r.p.Count = n + int(s.Num) //nolint:gosec // at most maxPartitions
	}
	for i := range int(s.Num) { //nolint:gosec // at most maxPartitions
		defs = append(defs, &ast.PartitionDefinition{Name: ast.NewCIStr(fmt.Sprintf("p%d", n+i)), Clause: &ast.PartitionDefinitionClauseNone{}})
	}
	return r.add(defs)
}

// clause is PARTITION BY with the table's method.
func (r *partitioner) clause(defs []*ast.PartitionDefinition) *ast.PartitionOptions {
	n := &ast.PartitionOptions{Definitions: defs}
	for tp, method := range partitionMethods {
		if method == r.p.Method {
			n.Tp = tp
		}
	}
	return n
}

// drop is DROP PARTITION. 1512, 1508.
func (r *partitioner) drop(s *ast.AlterTableSpec) error {
	if !r.listed() {
		return mysqlerr.New(mysqlerr.OnlyOnRangeListPartition, "DROP")
	}
	if len(s.PartitionNames) == len(r.p.Partitions) {
		return mysqlerr.New(mysqlerr.DropLastPartition)
	}
	at, err := r.named(s, "DROP")
	for i := len(at) - 1; i >= 0; i-- {
		r.p.Partitions = slices.Delete(r.p.Partitions, at[i], at[i]+1)
	}
	return err
}

// truncate is TRUNCATE PARTITION: partitions of other ids, without rows, take the places. 1735.
func (r *partitioner) truncate(s *ast.AlterTableSpec) error {
	leaves := r.p.Leaves()
	names := s.PartitionNames
	if s.OnAllPartitions {
		names = nil
		for i := range r.p.Partitions {
			names = append(names, ast.NewCIStr(r.p.Partitions[i].Name))
		}
	}
	for _, name := range names {
		first, n, ok := r.p.ByName(name.O)
		if !ok {
			return mysqlerr.New(mysqlerr.UnknownPartition, name.O, r.t.Name)
		}
		for _, leaf := range leaves[first : first+n] {
			leaf.ID = r.p.NextID
			r.p.NextID++
		}
	}
	return nil
}

// coalesce is COALESCE PARTITION n. 1509, 1515, 1508.
func (r *partitioner) coalesce(s *ast.AlterTableSpec) error {
	n := len(r.p.Partitions)
	switch {
	case r.listed():
		return mysqlerr.New(mysqlerr.CoalesceOnlyOnHash)
	case s.Num == 0:
		return mysqlerr.New(mysqlerr.CoalesceNoPartition)
	case s.Num >= uint64(n):
		return mysqlerr.New(mysqlerr.DropLastPartition)
	}
	n -= int(s.Num) //nolint:gosec // fewer than there are
	if r.p.Partitions = r.p.Partitions[:n]; !r.p.Named {
		r.p.Count = n
	}
	return nil
}

// reorganize is REORGANIZE PARTITION. 1511, 1510, 1507, 1519, 1520.
func (r *partitioner) reorganize(s *ast.AlterTableSpec) error {
	if len(s.PartitionNames) == 0 {
		if r.listed() {
			return mysqlerr.New(mysqlerr.ReorgNoParam)
		}
		return nil // to as many partitions as there are
	}
	if !r.listed() && len(s.PartitionNames) != len(s.PartDefinitions) {
		return mysqlerr.New(mysqlerr.ReorgHashOnlySameNumber)
	}
	at, err := r.named(s, "REORGANIZE")
	if err != nil {
		return err
	}
	first, last := at[0], at[len(at)-1]
	if last-first != len(at)-1 {
		return mysqlerr.New(mysqlerr.ConsecutiveReorgPartitions)
	}
	if err := checkClauses(r.clause(s.PartDefinitions)); err != nil {
		return err
	}
	before := r.p.Partitions
	r.p.Partitions, r.p.Named, r.p.Count = nil, true, 0
	if err := r.add(s.PartDefinitions); err != nil {
		return err
	}
	made := r.p.Partitions
	r.p.Partitions = slices.Concat(before[:first], made, before[last+1:])
	if r.p.Method == schema.PartitionByRange && last < len(before)-1 && !reflect.DeepEqual(made[len(made)-1].Values, before[last].Values) {
		return mysqlerr.New(mysqlerr.ReorgOutsideRange)
	}
	if err := checkNames(r.p); err != nil {
		return err
	}
	return r.reaches()
}

// reaches is 1520 for ranges that end before those of the table do.
func (r *partitioner) reaches() error {
	if r.p.Method != schema.PartitionByRange {
		return nil
	}
	was, err := partition.Of(r.t)
	if err != nil {
		return err
	}
	t := r.t.Clone()
	t.Partitioning = r.p
	is, err := partition.Of(t)
	if err == nil && !is.Reaches(was) {
		err = mysqlerr.New(mysqlerr.ReorgOutsideRange)
	}
	return err
}
