WITH `closes` AS (
  SELECT
    `asset_id`,
    `day`,
    `close`,
    CAST(`close` AS DOUBLE) AS `price`
  FROM `gold_daily_summary` AS `daily_summary`
), `rests` AS (
  SELECT
    `today`.`asset_id`,
    `today`.`day`,
    SUM(
      CAST((
        `tiny`.`close` - CAST(`tiny`.`price` AS DECIMAL(38, 26))
      ) AS DECIMAL(38, 28))
    ) FILTER(WHERE
      `tiny`.`day` > DATE_SUB(`today`.`day`, 7)) AS `rest_7`,
    SUM(
      CAST((
        `tiny`.`close` - CAST(`tiny`.`price` AS DECIMAL(38, 26))
      ) AS DECIMAL(38, 28))
    ) FILTER(WHERE
      `tiny`.`day` > DATE_SUB(`today`.`day`, 30)) AS `rest_30`,
    SUM(
      CAST((
        `tiny`.`close` - CAST(`tiny`.`price` AS DECIMAL(38, 26))
      ) AS DECIMAL(38, 28))
    ) AS `rest_90`
  FROM `closes` AS `today`
  JOIN `closes` AS `tiny`
    ON `tiny`.`asset_id` = `today`.`asset_id`
    AND `tiny`.`day` BETWEEN DATE_SUB(`today`.`day`, 89) AND `today`.`day`
  WHERE
    `tiny`.`price` < 1e-9
  GROUP BY
    `today`.`asset_id`,
    `today`.`day`
), `returns` AS (
  SELECT
    `today`.`asset_id`,
    `today`.`day`,
    `today`.`close`,
    `today`.`price`,
    `day_ago`.`price` AS `price_before`,
    CAST(`today`.`price` AS DECIMAL(38, 26)) AS `exact_price`,
    CAST(`today`.`close` - `day_ago`.`close` AS DOUBLE) / CAST(NULLIF(`day_ago`.`price`, 0) AS DOUBLE) AS `return_1d`
  FROM `closes` AS `today`
  LEFT JOIN `closes` AS `day_ago`
    ON `day_ago`.`asset_id` = `today`.`asset_id`
    AND `day_ago`.`day` = DATE_SUB(`today`.`day`, 1)
), `windows` AS (
  SELECT
    `asset_id`,
    `day`,
    `close`,
    `return_1d`,
    COUNT(*) OVER `last_7` AS `n_obs_7`,
    COUNT(*) OVER `last_90` AS `n_obs_90`,
    (
      CAST(SUM(CAST(`exact_price` AS DECIMAL(38, 26))) OVER `last_7` AS DOUBLE) / CAST(NULLIF(COUNT(CAST(`exact_price` AS DECIMAL(38, 26))) OVER `last_7`, 0) AS DOUBLE)
    ) AS `avg_7`,
    (
      CAST(SUM(CAST(`exact_price` AS DECIMAL(38, 26))) OVER `last_30` AS DOUBLE) / CAST(NULLIF(COUNT(CAST(`exact_price` AS DECIMAL(38, 26))) OVER `last_30`, 0) AS DOUBLE)
    ) AS `avg_30`,
    (
      CAST(SUM(CAST(`exact_price` AS DECIMAL(38, 26))) OVER `last_90` AS DOUBLE) / CAST(NULLIF(COUNT(CAST(`exact_price` AS DECIMAL(38, 26))) OVER `last_90`, 0) AS DOUBLE)
    ) AS `avg_90`,
    IF(
      SIZE(
        COLLECT_LIST(
          NAMED_STRUCT(
            'v',
            CASE
              WHEN ABS(`return_1d`) < 0.5
              THEN CASE
                WHEN 1 + `return_1d` = 1
                THEN `return_1d`
                ELSE CAST(LN(1 + `return_1d`) * `return_1d` AS DOUBLE) / CAST((
                  (
                    1 + `return_1d`
                  ) - 1
                ) AS DOUBLE)
              END
              ELSE LN(NULLIF(`price`, 0)) - LN(NULLIF(`price_before`, 0))
            END
          )
        ) OVER `last_30`
      ) = 0,
      NULL,
      TRANSFORM(
        COLLECT_LIST(
          NAMED_STRUCT(
            'v',
            CASE
              WHEN ABS(`return_1d`) < 0.5
              THEN CASE
                WHEN 1 + `return_1d` = 1
                THEN `return_1d`
                ELSE CAST(LN(1 + `return_1d`) * `return_1d` AS DOUBLE) / CAST((
                  (
                    1 + `return_1d`
                  ) - 1
                ) AS DOUBLE)
              END
              ELSE LN(NULLIF(`price`, 0)) - LN(NULLIF(`price_before`, 0))
            END
          )
        ) OVER `last_30`,
        `s` -> `s`.`v`
      )
    ) AS `log_returns`,
    MAX(`close`) OVER `last_365` AS `highest`
  FROM `returns`
  WINDOW `last_7` AS (
    PARTITION BY `asset_id`
    ORDER BY DATEDIFF(`day`, CAST('1970-01-01' AS DATE)) NULLS LAST
    range BETWEEN 6 preceding AND CURRENT ROW
  ), `last_30` AS (
    PARTITION BY `asset_id`
    ORDER BY DATEDIFF(`day`, CAST('1970-01-01' AS DATE)) NULLS LAST
    range BETWEEN 29 preceding AND CURRENT ROW
  ), `last_90` AS (
    PARTITION BY `asset_id`
    ORDER BY DATEDIFF(`day`, CAST('1970-01-01' AS DATE)) NULLS LAST
    range BETWEEN 89 preceding AND CURRENT ROW
  ), `last_365` AS (
    PARTITION BY `asset_id`
    ORDER BY DATEDIFF(`day`, CAST('1970-01-01' AS DATE)) NULLS LAST
    range BETWEEN 364 preceding AND CURRENT ROW
  )
)
SELECT
  `today`.`asset_id`,
  `today`.`day`,
  CASE
    WHEN `n_obs_7` = 7
    THEN `avg_7` + COALESCE(CAST(`rest_7` AS DOUBLE) / CAST(7 AS DOUBLE), 0)
  END AS `sma_7`,
  CASE
    WHEN SIZE(`log_returns`) = 30
    THEN `avg_30` + COALESCE(CAST(`rest_30` AS DOUBLE) / CAST(30 AS DOUBLE), 0)
  END AS `sma_30`,
  CASE
    WHEN `n_obs_90` = 90
    THEN `avg_90` + COALESCE(CAST(`rest_90` AS DOUBLE) / CAST(90 AS DOUBLE), 0)
  END AS `sma_90`,
  `n_obs_7`,
  SIZE(`log_returns`) AS `n_obs_30`,
  `n_obs_90`,
  `return_1d`,
  CAST(`today`.`close` - `week_ago`.`close` AS DOUBLE) / CAST(NULLIF(`week_ago`.`price`, 0) AS DOUBLE) AS `return_7d`,
  CAST(`today`.`close` - `month_ago`.`close` AS DOUBLE) / CAST(NULLIF(`month_ago`.`price`, 0) AS DOUBLE) AS `return_30d`,
  CASE
    WHEN SIZE(FILTER(`log_returns`, `v` -> NOT `v` IS NULL)) = 30
    THEN AGGREGATE(
      FILTER(`log_returns`, `v` -> NOT `v` IS NULL),
      STRUCT(
        CAST(0 AS DOUBLE) AS `n`,
        CAST(0 AS DOUBLE) AS `mean`,
        CAST(0 AS DOUBLE) AS `squares`
      ),
      (`a`, `v`) -> STRUCT(
        `a`.`n` + CAST(1 AS DOUBLE) AS `n`,
        `a`.`mean` + CAST((
          `v` - `a`.`mean`
        ) AS DOUBLE) / CAST((
          `a`.`n` + CAST(1 AS DOUBLE)
        ) AS DOUBLE) AS `mean`,
        `a`.`squares` + (
          `v` - (
            `a`.`mean` + CAST((
              `v` - `a`.`mean`
            ) AS DOUBLE) / CAST((
              `a`.`n` + CAST(1 AS DOUBLE)
            ) AS DOUBLE)
          )
        ) * (
          `v` - `a`.`mean`
        ) AS `squares`
      ),
      `a` -> CASE
        WHEN `a`.`n` > CAST(1 AS DOUBLE)
        THEN SQRT(
          CAST(`a`.`squares` AS DOUBLE) / CAST((
            `a`.`n` - CAST(1 AS DOUBLE)
          ) AS DOUBLE)
        )
      END
    ) * SQRT(365)
  END AS `volatility_30d`,
  CAST(`today`.`close` - `highest` AS DOUBLE) / CAST(NULLIF(CAST(`highest` AS DOUBLE), 0) AS DOUBLE) AS `drawdown`
FROM `windows` AS `today`
LEFT JOIN `rests`
  ON `rests`.`asset_id` = `today`.`asset_id` AND `rests`.`day` = `today`.`day`
LEFT JOIN `closes` AS `week_ago`
  ON `week_ago`.`asset_id` = `today`.`asset_id`
  AND `week_ago`.`day` = DATE_SUB(`today`.`day`, 7)
LEFT JOIN `closes` AS `month_ago`
  ON `month_ago`.`asset_id` = `today`.`asset_id`
  AND `month_ago`.`day` = DATE_SUB(`today`.`day`, 30)
