package tables

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"strings"

	"millrace/infra/cli"
	"millrace/reactor/console/web"
)

// Engines are blocks of code that open a table in other programs.
type Engines struct {
	Table string `json:"table"`
	Tab   string `json:"-"`
	// Environment is the command that gives a shell the token that the blocks read. No page has a token in it.
	Environment string  `json:"environment"`
	Blocks      []Block `json:"blocks"`
}

// Block opens the table in one program.
type Block struct {
	Engine string `json:"engine"`
	// Install is the command that installs what Code needs, "" where nothing is to be.
	Install string `json:"install,omitempty"`
	Code    string `json:"code"`
	Note    string `json:"note,omitempty"`
}

// Engine is how a program reaches the lake. Setup stands in docs/interop.md word for word, where real engines run it; a test holds that.
type Engine struct {
	Name, Doc      string // Doc is the block of the document
	Install, Setup string
	// Read reads the table %s. After is the engine whose Setup goes before.
	Read, Note string
	After      *Engine
}

const environ = `import os     # after eval "$(.bin/stack env --role analyst)"
`

var pyIceberg = Engine{
	Name: "PyIceberg", Doc: "pyiceberg", Install: `pip install "pyiceberg[pyarrow,pandas]" pyiceberg-core`,
	Setup: environ + `from pyiceberg.catalog import load_catalog
catalog = load_catalog("lakehouse", type="rest", warehouse="lakehouse",
    uri=os.environ["MILLRACE_ICEBERG_URI"], token=os.environ["MILLRACE_ICEBERG_TOKEN"],
    **{"header.X-Iceberg-Access-Delegation": "vended-credentials"})
`,
	Read: `catalog.load_table("%s").scan(limit=10).to_pandas()`,
}

// Known are the engines that the page has a block for.
var Known = []Engine{
	pyIceberg,
	{
		Name: "Spark", Doc: "spark", Install: "pip install pyspark==4.1.4", Note: "Spark needs Java 17 or later.",
		Setup: environ + `import pyspark
from pyspark.sql import SparkSession
version, iceberg = {"3": ("3.5_2.12", "1.10.0"), "4": ("4.1_2.13", "1.11.0")}[pyspark.__version__[0]]
lake = "spark.sql.catalog.lakehouse"
spark = (SparkSession.builder
    .config("spark.jars.packages", f"org.apache.iceberg:iceberg-spark-runtime-{version}:{iceberg},org.apache.iceberg:iceberg-aws-bundle:{iceberg}")
    .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions")
    .config(lake, "org.apache.iceberg.spark.SparkCatalog")
    .config(f"{lake}.type", "rest")
    .config(f"{lake}.uri", os.environ["MILLRACE_ICEBERG_URI"])
    .config(f"{lake}.token", os.environ["MILLRACE_ICEBERG_TOKEN"])
    .config(f"{lake}.warehouse", "lakehouse")
    .config(f"{lake}.header.X-Iceberg-Access-Delegation", "vended-credentials")
    .config(f"{lake}.cache-enabled", "false")     # else a long session reads old snapshots
    .config("spark.sql.optimizer.runtime.rowLevelOperationGroupFilter.enabled", "false")     # else 3.5 changes no row of a table that is written meanwhile
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate())
`,
		Read: `spark.table("lakehouse.%s").show(10)`,
	},
	{
		Name: "DuckDB", Doc: "duckdb", Install: "pip install duckdb==1.5.5 duckdb-extension-httpfs==1.5.5 duckdb-extension-avro==1.5.5 duckdb-extension-iceberg==1.5.5 pytz",
		Setup: environ + `from importlib.resources import files
import duckdb
for x in ("httpfs", "avro", "iceberg"):     # elsewhere than in Python: install iceberg; load iceberg
    duckdb.load_extension(str(files(f"duckdb_extension_{x}") / "extensions" / f"v{duckdb.__version__}" / f"{x}.duckdb_extension"))
duckdb.sql(f"create secret (type iceberg, token '{os.environ['MILLRACE_ICEBERG_TOKEN']}')")
duckdb.sql(f"attach 'lakehouse' as lakehouse (type iceberg, endpoint '{os.environ['MILLRACE_ICEBERG_URI']}')")
`,
		Read: `duckdb.sql("from lakehouse.%s limit 10").show()`,
	},
	{
		Name: "Polars", Doc: "polars", Install: "pip install polars", After: &pyIceberg,
		Setup: "import polars     # after PyIceberg's block\n",
		Read:  `polars.scan_iceberg(catalog.load_table("%s")).head(10).collect()`,
	},
	{
		Name: "Daft", Doc: "daft", Install: "pip install daft", After: &pyIceberg,
		Setup: "import daft     # after PyIceberg's block\n",
		Read:  `daft.read_iceberg(catalog.load_table("%s")).show(10)`,
	},
	{
		Name: "ClickHouse", Doc: "clickhouse", Install: "pip install chdb pyarrow",
		Setup: environ + `from chdb.session import Session
clickhouse = Session()
clickhouse.query("set allow_experimental_database_iceberg = 1")
clickhouse.query(f"""create database lakehouse
    engine = DataLakeCatalog('{os.environ["MILLRACE_ICEBERG_URI"]}', '{os.environ["MILLRACE_S3_ACCESS_KEY"]}', '{os.environ["MILLRACE_S3_SECRET_KEY"]}')
    settings catalog_type = 'rest', warehouse = 'lakehouse', auth_header = 'Authorization: Bearer {os.environ["MILLRACE_ICEBERG_TOKEN"]}',
        vended_credentials = 0, storage_endpoint = '{os.environ["MILLRACE_S3_ENDPOINT"]}/lakehouse'""")
`,
		Read: "print(clickhouse.query(\"select * from lakehouse.`%s` limit 10\"))",
	},
	{
		Name: "Sail", Doc: "sail", Install: `pip install pysail "pyspark[connect]==4.1.4"`,
		Setup: environ + `os.environ["SAIL_CATALOG__LIST"] = (f'[{{type="iceberg-rest", name="lakehouse", warehouse="lakehouse", uri="{os.environ["MILLRACE_ICEBERG_URI"]}", '
                                    f'bearer_access_token="{os.environ["MILLRACE_ICEBERG_TOKEN"]}"}}]')
os.environ["SAIL_CATALOG__DEFAULT_CATALOG"] = "lakehouse"
os.environ.update(AWS_ENDPOINT=os.environ["MILLRACE_S3_ENDPOINT"], AWS_ALLOW_HTTP="true", AWS_VIRTUAL_HOSTED_STYLE_REQUEST="false")
from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession
server = SparkConnectServer()
server.start()
spark = SparkSession.builder.remote(f"sc://127.0.0.1:{server.listening_address[1]}").getOrCreate()
`,
		Read: `spark.sql("select * from lakehouse.%s limit 10").show()`,
	},
}

// PostgresAddress is where the document lets clients of PostgreSQL in.
const PostgresAddress = "127.0.0.1:5439"

// Psql opens a table by PostgreSQL's protocol. The document has the same line, for an address of its own.
func Psql(address, table string) string {
	host, port, _ := net.SplitHostPort(address)
	return fmt.Sprintf(`PGPASSWORD=$MILLRACE_ICEBERG_TOKEN psql -h %s -p %s -U analyst lakehouse -c '\d %s'`, cmp.Or(host, "127.0.0.1"), port, table)
}

func (e Engine) block(origin, table string) Block {
	setup := e.Setup
	if e.After != nil {
		own, _, _ := strings.Cut(setup, "     # after")
		setup = e.After.Setup + own + "\n"
	}
	address := origin + "/iceberg"
	setup = strings.NewReplacer(
		`{os.environ['MILLRACE_ICEBERG_URI']}`, address, `{os.environ["MILLRACE_ICEBERG_URI"]}`, address, `os.environ["MILLRACE_ICEBERG_URI"]`, `"`+address+`"`,
	).Replace(setup)
	return Block{Engine: e.Name, Install: e.Install, Code: setup + fmt.Sprintf(e.Read, table), Note: e.Note}
}

func (p *Pages) engines(r *http.Request) (Engines, error) {
	t, err := p.find(r.Context(), r.PathValue("table"))
	if err != nil {
		return Engines{}, err
	}
	origin := web.Origin(r)
	e := Engines{Table: t.Name, Tab: "engines", Environment: `eval "$(.bin/stack env --role analyst)"`}
	for _, known := range Known {
		e.Blocks = append(e.Blocks, known.block(origin, t.Name))
	}
	note := ""
	if p.postgres == "" {
		note = "This reactor lets no client of PostgreSQL in. MILLRACE_PG_ADDR=" + PostgresAddress + " (or --pg-addr) does from its next start on."
	}
	address := cmp.Or(p.postgres, PostgresAddress)
	e.Blocks = append(e.Blocks,
		Block{Engine: "psql", Code: Psql(address, t.Name), Note: note},
		Block{Engine: "pandas", Install: `pip install pandas sqlalchemy "psycopg[binary]"`, Note: note, Code: `import os, pandas, sqlalchemy     # after eval "$(.bin/stack env --role analyst)"
lake = sqlalchemy.create_engine(f"postgresql+psycopg://analyst:{os.environ['MILLRACE_ICEBERG_TOKEN']}@` + address + `/lakehouse")
pandas.read_sql("select * from ` + t.Name + ` limit 10", lake)`},
		Block{Engine: "curl", Code: cli.ShellLine("curl", "-G", origin+"/api/v1/sql", "--data-urlencode", "sql=from "+t.Name+" limit 10"), Note: "JSON, 200 rows a page; &offset=200 is the next one."},
		Block{Engine: "reactor", Code: cli.ShellLine("reactor", "query", "from "+t.Name+" limit 10")},
	)
	return e, nil
}
