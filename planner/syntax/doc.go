// Package syntax turns text into syntax trees: the parser with our literals (planner/driver), MySQL's words for what is
// wrong with a text, and bounds on what a text may ask of the stack. planner/canonical is the way back.
//
// Invariants:
//   - Any bytes give statements or a *mysqlerr.Error; nothing panics.
//   - A tree is never deeper than its readers can follow. Go can't recover from a stack that is too large: it ends the
//     process. The parser, its visitors and the binder recurse once a level of nesting, so the text is measured before it is
//     parsed (outline): parentheses, and the operators and words that may hang below each other between two commas.
//     Texts that are too short to be too deep are not looked at, so that everyday statements pay nothing.
//   - The lexer recurses once a comment where comments follow each other; long runs of them are blanked first.
package syntax
