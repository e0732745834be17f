package cli

import (
	"encoding/json"
	"fmt"

	"github.com/alecthomas/kong"
)

// Description is a program's or a command's usage as data: docs/configuration.md is made of it.
type Description struct {
	Name     string        `json:"name"`
	Help     string        `json:"help"`
	Detail   string        `json:"detail,omitempty"` // longer help, with an example
	Args     []Setting     `json:"args,omitempty"`
	Flags    []Setting     `json:"flags,omitempty"` // of this command alone, not of the program
	Commands []Description `json:"commands,omitempty"`
	Hidden   bool          `json:"hidden,omitempty"` // from people: programs run it
}

// Setting is a flag or an argument.
type Setting struct {
	Name        string   `json:"name"`
	Help        string   `json:"help"`
	Placeholder string   `json:"placeholder,omitempty"`
	Default     string   `json:"default,omitempty"`
	Variables   []string `json:"variables,omitempty"` // of the environment, the first that is set counts
	Required    bool     `json:"required,omitempty"`
	Switch      bool     `json:"switch,omitempty"` // it takes no value
}

// describeFlag prints the program's Description as JSON. It is hidden: people have --help.
type describeFlag bool

// BeforeReset runs before anything is validated, as --help does.
func (describeFlag) BeforeReset(app *kong.Kong) error {
	text, err := json.MarshalIndent(describe(app.Model.Node), "", "  ")
	if err != nil {
		return fmt.Errorf("describe the command line: %w", err)
	}
	if _, err := fmt.Fprintln(app.Stdout, string(text)); err != nil {
		return err
	}
	app.Exit(exitDone)
	return nil
}

func describe(n *kong.Node) Description {
	d := Description{Name: n.Name, Help: n.Help, Detail: n.Detail, Hidden: n.Hidden}
	for _, arg := range n.Positional {
		d.Args = append(d.Args, setting(arg, "", nil))
	}
	for _, f := range n.Flags {
		if !f.Hidden && f.Name != "help" {
			d.Flags = append(d.Flags, setting(f.Value, f.PlaceHolder, f.Envs))
		}
	}
	for _, child := range n.Children {
		d.Commands = append(d.Commands, describe(child))
	}
	return d
}

func setting(v *kong.Value, placeholder string, variables []string) Setting {
	return Setting{
		Name: v.Name, Help: v.Help, Placeholder: placeholder, Default: v.Default, Variables: variables, Required: v.Required, Switch: v.IsBool(),
	}
}
