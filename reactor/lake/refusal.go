package lake

import "fmt"

// Kind is a kind of thing in the catalog.
type Kind string

// The kinds, as the catalog's column iceberg_type calls those that are rows of iceberg_tables.
const (
	KindTable     Kind = "TABLE"
	KindView      Kind = "VIEW"
	KindNamespace Kind = "NAMESPACE"
)

// MissingError says that the catalog has nothing of a kind with a name.
type MissingError struct {
	Kind Kind
	Name string
}

// Error says so in the words of Iceberg's own catalogs, which clients look for.
func (e *MissingError) Error() string {
	return fmt.Sprintf("%s does not exist: %s", e.Kind.word(), e.Name)
}

// TakenError says that the catalog has something of a kind with a name already.
type TakenError struct {
	Kind   Kind
	Name   string
	Wanted Kind // what should have got the name, where that matters
}

// Error says so in the words of Iceberg's own catalogs.
func (e *TakenError) Error() string {
	if e.Wanted != "" && e.Wanted != e.Kind {
		return fmt.Sprintf("%s with same name already exists: %s", e.Kind.word(), e.Name)
	}
	return fmt.Sprintf("%s already exists: %s", e.Kind.word(), e.Name)
}

// RenameError says why a table or view did not get another name.
type RenameError struct {
	From, To string
	err      error
}

// Error says so in the words of Iceberg's own catalogs.
func (e *RenameError) Error() string {
	return fmt.Sprintf("Cannot rename %s to %s. %v", e.From, e.To, e.err)
}
func (e *RenameError) Unwrap() error { return e.err }

// NotEmptyError says that a namespace cannot be dropped, and what is in it.
type NotEmptyError struct{ Namespace, Holds string }

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("Namespace %s is not empty: it holds %s; drop that first", e.Namespace, e.Holds)
}

// RequirementError says that a table or view is not what a commit requires it to be.
type RequirementError struct{ Reason string }

func (e *RequirementError) Error() string { return "Requirement failed: " + e.Reason }

// InvalidError says that what somebody asked for cannot be.
type InvalidError struct{ Reason string }

func (e *InvalidError) Error() string { return e.Reason }

func invalid(format string, args ...any) error { return &InvalidError{fmt.Sprintf(format, args...)} }

// LostError says that the metadata file that the catalog names cannot be found.
type LostError struct{ Location string }

// Error says so in the words of Iceberg's own catalogs.
func (e *LostError) Error() string { return "Failed to open input stream for file: " + e.Location }

// word is the kind as a sentence begins with it.
func (k Kind) word() string {
	switch k {
	case KindView:
		return "View"
	case KindNamespace:
		return "Namespace"
	}
	return "Table"
}
