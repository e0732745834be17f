"""Computes silver and gold on Spark, as the reactor does on one machine, and hands the tables over to it.

- `reactor`: what the reactor's commands say: objects, schemas, models; what they are told.
- `extract`: objects into rows, on Spark's workers.
- `silver`: the rows of all objects, of which the newest wins.
- `dialect`, `lists`, `product`: the models' SQL, from DuckDB's words into Spark's.
- `gold`: the tables of the models.
- `branch`: writes tables onto the branch.
- `place`: where the lake is.
- `session`: Spark's settings that exact numbers need.
- `state`: what a run that was stopped has done already.
"""
