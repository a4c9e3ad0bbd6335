package syntax

import "cloudsql/planner/lexer"

// Lexer and its kin are planner/lexer's, for those who read texts besides.
type (
	Lexer = lexer.Lexer
	Token = lexer.Token
	Kind  = lexer.Kind
)

// The kinds of tokens.
const (
	End     = lexer.End
	Word    = lexer.Word
	Name    = lexer.Name
	String  = lexer.String
	Sign    = lexer.Sign
	Comment = lexer.Comment
	Hint    = lexer.Hint
	Code    = lexer.Code
	CodeEnd = lexer.CodeEnd
)

// CommentLength is the length of the comment that text begins with, 0 for none.
func CommentLength(text string) int { return lexer.CommentLength(text) }

// WithoutComments is a part of a statement without the comments in it.
func WithoutComments(text string) string { return lexer.WithoutComments(text) }

// IsWord tells whether c may stand in a name without quotes.
func IsWord(c byte) bool { return lexer.IsWord(c) }

// skipQuoted gives the position after the string or name that begins at i.
func skipQuoted(text string, i int, escapes bool) int {
	end, _, _ := lexer.Quoted(text, i, escapes)
	return end
}
