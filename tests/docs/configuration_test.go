package docs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"millrace/infra/cli"
)

const configurationPage = "docs/configuration.md"

// programs are the three programs' own descriptions.
func programs(t *testing.T) []cli.Description {
	t.Helper()
	var all []cli.Description
	for _, name := range []string{"ingestor", "reactor", "stack"} {
		out, code := describeProgram(t, name)
		var d cli.Description
		if err := json.Unmarshal([]byte(out), &d); err != nil || code != 0 {
			t.Fatalf("%s --describe: exit code %d, %v\n%s", name, code, err, out)
		}
		all = append(all, d)
	}
	return all
}

func TestGeneratedConfiguration(t *testing.T) {
	all := programs(t)
	hold(t, configurationPage, "variables", variablesText(all))
	for _, p := range all {
		hold(t, configurationPage, p.Name, commandsText(p, p.Name, 3))
	}
}

var (
	readVariable = regexp.MustCompile(`(?:Getenv\(|LookupEnv\(|environ\.get\(|environ\[)"([A-Z][A-Z0-9_]+)"(\] = )?`)
	shells       = []string{"PATH", "HOME"}
)

// Variables that code reads by itself, outside of the command line, are in the document as well.
func TestVariablesThatCodeReadsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, configurationPage))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"ingestor", "reactor", "infra", "airflow", "tests"} {
		err := filepath.WalkDir(filepath.Join(root, part), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || (filepath.Ext(path) != ".go" && filepath.Ext(path) != ".py") || strings.Contains(path, "peers") {
				return err
			}
			code, err := os.ReadFile(path)
			for _, m := range readVariable.FindAllStringSubmatch(string(code), -1) {
				if sets := m[2] != ""; !sets && !slices.Contains(shells, m[1]) && !strings.Contains(string(text), "`"+m[1]+"`") {
					t.Errorf("%s reads %s, which %s does not have", path, m[1], configurationPage)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// variable is a setting that the environment may give.
type variable struct {
	cli.Setting
	used []string // by the commands
}

// variablesText is a table of all variables. A setting that several programs have with the same words is one line.
func variablesText(all []cli.Description) string {
	found := map[string]*variable{}
	for _, p := range all {
		walk(p, p.Name, func(path string, d cli.Description) {
			for _, s := range d.Flags {
				if len(s.Variables) == 0 {
					continue
				}
				key := fmt.Sprint(s.Variables, s.Name, s.Default, s.Help)
				if found[key] == nil {
					found[key] = &variable{Setting: s}
				}
				found[key].used = append(found[key].used, path)
			}
		})
	}
	var lines []*variable
	for _, v := range found {
		lines = append(lines, v)
	}
	slices.SortFunc(lines, func(a, b *variable) int {
		return cmp.Or(cmp.Compare(a.Variables[0], b.Variables[0]), cmp.Compare(a.Help, b.Help))
	})
	var b strings.Builder
	b.WriteString("| variable | flag | default | meaning | of |\n|---|---|---|---|---|\n")
	for _, v := range lines {
		fmt.Fprintf(&b, "| `%s` | `--%s` | %s | %s | %s |\n", strings.Join(v.Variables, "`, else `"), v.Name, shownDefault(v.Setting), cell(v.Help), users(v.used, all))
	}
	return b.String()
}

// users says which commands have a setting: a program whole when all its commands have it, through itself or one by one.
func users(paths []string, all []cli.Description) string {
	var out []string
	for _, p := range all {
		leaves, having := 0, []string{}
		whole := slices.Contains(paths, p.Name)
		walk(p, p.Name, func(path string, d cli.Description) {
			if len(d.Commands) > 0 {
				return
			}
			leaves++
			if slices.Contains(paths, path) {
				having = append(having, "`"+path+"`")
			}
		})
		switch {
		case whole || len(having) == leaves:
			out = append(out, "`"+p.Name+"`")
		case len(having) > 2:
			out = append(out, fmt.Sprintf("`%s`, %d commands", p.Name, len(having)))
		default:
			out = append(out, having...)
		}
	}
	return strings.Join(out, ", ")
}

// public leaves out the commands that only programs run.
func public(commands []cli.Description) []cli.Description {
	return slices.DeleteFunc(slices.Clone(commands), func(c cli.Description) bool { return c.Hidden })
}

func walk(d cli.Description, path string, visit func(path string, d cli.Description)) {
	visit(path, d)
	for _, c := range public(d.Commands) {
		walk(c, path+" "+c.Name, visit)
	}
}

// commandsText describes the commands of a program, each with the settings that are its own.
func commandsText(d cli.Description, path string, level int) string {
	var b strings.Builder
	for _, c := range public(d.Commands) {
		own := path + " " + c.Name
		fmt.Fprintf(&b, "%s %s\n\n%s\n\n", strings.Repeat("#", level), own+usage(c), c.Help)
		var rows, given []string
		for _, a := range c.Args {
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", strings.ToUpper(a.Name), shownDefault(a), cell(a.Help)))
		}
		for _, f := range c.Flags {
			if len(f.Variables) > 0 {
				given = append(given, f.Name)
				continue
			}
			rows = append(rows, fmt.Sprintf("| %s | %s | %s |", codeCell(flagText(f)), shownDefault(f), cell(f.Help)))
		}
		if len(rows) > 0 {
			b.WriteString("| argument or flag | default | meaning |\n|---|---|---|\n" + strings.Join(rows, "\n") + "\n\n")
		}
		if len(given) > 0 {
			b.WriteString("With a variable, [see above](#variables): " + families(given) + ".\n\n")
		}
		if c.Detail != "" {
			b.WriteString("```\n" + strings.TrimSpace(c.Detail) + "\n```\n\n")
		}
		b.WriteString(commandsText(c, own, level+1))
	}
	return b.String()
}

// families lists flags; those with a common first word are one.
func families(flags []string) string {
	members := map[string]int{}
	first := func(flag string) string { word, _, _ := strings.Cut(flag, "-"); return word }
	for _, f := range flags {
		members[first(f)]++
	}
	var out []string
	for _, f := range flags {
		text := "`--" + f + "`"
		if members[first(f)] > 1 {
			text = "`--" + first(f) + "-…`"
		}
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return strings.Join(out, ", ")
}

func usage(c cli.Description) string {
	var b strings.Builder
	for _, a := range c.Args {
		if name := strings.ToUpper(a.Name); a.Required {
			b.WriteString(" " + name)
		} else {
			b.WriteString(" [" + name + "]")
		}
	}
	return b.String()
}

func flagText(s cli.Setting) string {
	if s.Switch {
		return "--" + s.Name
	}
	return "--" + s.Name + "=" + cmp.Or(s.Placeholder, strings.ToUpper(s.Name))
}

func shownDefault(s cli.Setting) string {
	switch {
	case s.Default != "":
		return "`" + s.Default + "`"
	case s.Required:
		return "required"
	case s.Switch:
		return "off"
	}
	return ""
}
