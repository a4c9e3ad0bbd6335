// Package abuse takes more memory of a node than it may have, in every way that a client was found to be able to, and looks at the
// process from outside: it stays below its limit by what the collector needs, it answers each statement, with an error that says
// what there was too little of if it must, and point selects of others go on being answered all the while.
//
// A short form is part of `make test`; `make abuse` runs everything at full size.
package abuse
