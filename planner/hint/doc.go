// Package hint reads MySQL's optimizer hints from a statement's text: which there are, what MySQL says of those that can't hold, and which
// query block each is about.
//
// The parser drops all hints of a block for one that it doesn't know, and knows others than MySQL. It gets MAX_EXECUTION_TIME and SET_VAR
// alone, up to what is no hint; planner/syntax puts the others into its tree, block by block, where planner/logical finds them.
//
// Invariants: a hint never changes what a statement means, nor makes it fail; of several that contradict each other the first one holds.
package hint
