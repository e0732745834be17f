"""The models' SQL in Spark's words; .bin/reactor must be built. `python -m tests.golden` writes the golden files anew."""

import unittest

from lakehouse import dialect, extract, reactor
from lakehouse.gold import translated

from .golden import FOLDER, lake


class TheModelsThatShip(unittest.TestCase):
    maxDiff = None

    def test_all_of_them_translate_to_what_was_looked_at(self) -> None:
        sql, refused = translated(lake())
        self.assertEqual(refused, {})
        for name, text in sql.items():
            self.assertEqual(text, (FOLDER / f"{name}.sql").read_text(), name)
        self.assertEqual(set(sql), {file.stem for file in FOLDER.iterdir()})


COLUMNS = {
    "asset_id": "string",
    "day": "date",
    "close": "decimal(38,28)",
    "interval": "string",
    "n": "bigint",
    "tokens": "map<string,array<string>>",
}


class Words(unittest.TestCase):
    def spark(self, expression: str) -> str:
        text = dialect.translate(f"select {expression} as x from gold.t", COLUMNS)
        return " ".join(text.split()).removeprefix("SELECT ").removesuffix(" AS `x` FROM `gold_t` AS `t`")

    def test_what_means_something_else_is_said_otherwise(self) -> None:
        for duck, spark in (
            ("close / n", "CAST(`close` AS DOUBLE) / CAST(`n` AS DOUBLE)"),
            ("list_aggregate([close], 'avg')", "CAST(`close` AS DOUBLE)"),
            ("day - 7", "DATE_SUB(`day`, 7)"),
            ("day + 1", "DATE_ADD(`day`, 1)"),
            ("day - date '1970-01-01'", "DATEDIFF(`day`, CAST('1970-01-01' AS DATE))"),
            ("interval[1]", "SUBSTRING(`interval`, 1, 1)"),
            ("interval[2:]", "SUBSTRING(`interval`, 2)"),
            ("n - 7", "`n` - 7"),
            ("max(n, 2)", "SLICE(SORT_ARRAY(COLLECT_LIST(`n`), FALSE), 1, 2)"),
            ("avg(close)", "( CAST(SUM(`close`) AS DOUBLE) / CAST(NULLIF(COUNT(`close`), 0) AS DOUBLE) )"),
            ("cast(make_timestamp(epoch_us(day)) as date)", "CAST(TIMESTAMP_MICROS(UNIX_MICROS(`day`)) AS DATE)"),
        ):
            with self.subTest(duck):
                self.assertEqual(self.spark(duck), spark)

    def test_what_nobody_has_compared_is_refused_by_name(self) -> None:
        for duck, why in (
            ("strftime(day, '%Y')", "time_to_str"),
            ("median(close)", "median"),
            ("tokens['1']", "a map's value"),
            ("any_value(n)", "any_value"),
            ("n // 2", "IntDiv"),
            ("n % 2", "Mod"),
            ("make_timestamp(n)", "without a zone"),
            ("list_sort([n])", "sort"),
            ("n::uhugeint::hugeint", "int128"),
            ("some_function(n)", "some_function"),
            ("day - n", "number of days"),
            ("list_aggregate([n], 'kurtosis')", "list_aggregate"),
            ("list(n order by n desc)", "array_agg"),
            ("select from", "cannot read"),
        ):
            with self.subTest(duck), self.assertRaises(dialect.Untranslatable) as caught:
                self.spark(duck)
            with self.subTest(duck):
                self.assertIn(why, str(caught.exception))

    def test_another_way_to_write_a_product_of_76_digits_is_refused(self) -> None:
        with self.assertRaises(dialect.Untranslatable):
            self.spark("list_transform([[n]], lambda x: (x[1] * x[2])::bignum)")


class Tasks(unittest.TestCase):
    def test_objects_are_dealt_out_so_that_tasks_are_alike(self) -> None:
        self.assertEqual(extract.dealt([9, 8, 7, 6, 5], 2), [9, 7, 5, 8, 6])
        self.assertEqual(sorted(extract.dealt(list(range(100)), 7)), list(range(100)))

    def test_many_small_objects_share_a_task_and_large_ones_do_not(self) -> None:
        small, large = [{"size": 100}] * 3000, [{"size": 1 << 30}] * 3
        self.assertEqual(extract.tasks(small, 2), 6)
        self.assertEqual(extract.tasks(large, 2), 3)
        self.assertEqual(extract.tasks(large + small, 2), 49)
        self.assertEqual(extract.tasks([], 2), 1)


class Types(unittest.TestCase):
    def test_every_type_of_a_lake_has_one_in_spark(self) -> None:
        nested = {"type": "map", "key": "string", "value": {"type": "list", "element": "string"}}
        self.assertEqual(reactor.spark_type(nested), "map<string,array<string>>")
        self.assertEqual(reactor.spark_type("decimal(38, 28)"), "decimal(38,28)")
        self.assertEqual(reactor.spark_type("timestamptz"), "timestamp")
        self.assertEqual(reactor.spark_type("long"), "bigint")


if __name__ == "__main__":
    unittest.main()
