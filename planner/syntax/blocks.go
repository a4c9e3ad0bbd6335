package syntax

import (
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/planner/hint"
)

// attach puts the hints of a text into the blocks of its tree.
func attach(hints *hint.Text, n ast.Node) {
	blocks := QueryBlocks(n)
	for i, b := range hints.Blocks(len(blocks)) {
		*blocks[i].hints = append(*blocks[i].hints, &ast.TableOptimizerHint{HintData: b})
	}
}

// HintsOf are the hints about the block whose node has list; nil: there are none in the text.
func HintsOf(list []*ast.TableOptimizerHint) *hint.Block {
	for _, h := range list {
		if b, ok := h.HintData.(*hint.Block); ok {
			return b
		}
	}
	return nil
}

// QueryBlock is a SELECT, an UPDATE or a DELETE: what a hint can be about.
type QueryBlock struct {
	From  ast.ResultSetNode // nil: none
	hints *[]*ast.TableOptimizerHint
}

// QueryBlocks are those of a statement in the order of its text.
func QueryBlocks(n ast.Node) []QueryBlock {
	var f blockFinder
	n.Accept(&f)
	return f.list
}

// blockFinder collects query blocks. What a block's WITH has comes before the block in the text, and behind it in the parser's tree.
type blockFinder struct {
	list    []QueryBlock
	waiting []waitingBlock
}

type waitingBlock struct {
	with  *ast.WithClause
	block QueryBlock
}

// Enter implements ast.Visitor.
func (f *blockFinder) Enter(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.SelectStmt:
		if n.Kind != ast.SelectStmtKindSelect {
			break
		}
		if t, err := JSONTableOf(n, Options{}); t == nil && err == nil {
			f.add(n.With, n.From, &n.TableHints)
		}
	case *ast.UpdateStmt:
		f.add(n.With, n.TableRefs, &n.TableHints)
	case *ast.DeleteStmt:
		f.add(n.With, n.TableRefs, &n.TableHints)
	}
	return n, false
}

func (f *blockFinder) add(with *ast.WithClause, from *ast.TableRefsClause, hints *[]*ast.TableOptimizerHint) {
	b := QueryBlock{hints: hints}
	if from != nil {
		b.From = from.TableRefs
	}
	if with != nil {
		f.waiting = append(f.waiting, waitingBlock{with, b})
		return
	}
	f.list = append(f.list, b)
}

// Leave implements ast.Visitor.
func (f *blockFinder) Leave(n ast.Node) (ast.Node, bool) {
	if last := len(f.waiting) - 1; last >= 0 && ast.Node(f.waiting[last].with) == n {
		f.list, f.waiting = append(f.list, f.waiting[last].block), f.waiting[:last]
	}
	return n, true
}
