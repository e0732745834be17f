WITH `moves` AS (
  SELECT
    `today`.`day`,
    `today`.`asset_id`,
    `today`.`close`,
    `before`.`close` AS `before`,
    `today`.`market_cap_usd`,
    `today`.`volume_usd_24h`,
    `dominance_pct`,
    CAST(`today`.`close` - `before`.`close` AS DOUBLE) / CAST(NULLIF(CAST(`before`.`close` AS DOUBLE), 0) AS DOUBLE) AS `return_1d`
  FROM `gold_daily_summary` AS `today`
  JOIN `gold_rankings` AS `rankings`
    USING (`asset_id`, `day`)
  LEFT JOIN `gold_daily_summary` AS `before`
    ON `before`.`asset_id` = `today`.`asset_id`
    AND `before`.`day` = DATE_SUB(`today`.`day`, 1)
), `extremes` AS (
  SELECT
    *,
    SLICE(SORT_ARRAY(COLLECT_LIST(`return_1d`) OVER `by_day`, FALSE), 1, 2) AS `most`,
    SLICE(SORT_ARRAY(COLLECT_LIST(`return_1d`) OVER `by_day`, TRUE), 1, 2) AS `least`
  FROM `moves`
  WINDOW `by_day` AS (PARTITION BY `day`)
), `days` AS (
  SELECT
    `day`,
    COUNT(*) AS `n_assets`,
    SUM(CAST(`market_cap_usd` AS DECIMAL(38, 18))) AS `total_market_cap_usd`,
    SUM(CAST(`volume_usd_24h` AS DECIMAL(38, 18))) AS `total_volume_usd`,
    CAST(SUM(CAST((
      `dominance_pct` * `dominance_pct`
    ) AS DECIMAL(38, 24))) AS DOUBLE) AS `hhi`,
    COUNT(*) FILTER(WHERE
      `close` > `before`) AS `advancers`,
    COUNT(*) FILTER(WHERE
      `close` < `before`) AS `decliners`,
    MIN_BY(`asset_id`, (-`return_1d`, `asset_id`)) FILTER(WHERE
      NOT `return_1d` IS NULL) AS `gainer`,
    MIN_BY(`asset_id`, (`return_1d`, `asset_id`)) FILTER(WHERE
      NOT `return_1d` IS NULL) AS `loser`,
    ARRAY(
      IF(
        SIZE(
          COLLECT_LIST(
            NAMED_STRUCT(
              'k0',
              `asset_id`,
              'v',
              STRUCT(`asset_id` AS `asset_id`, `close` AS `over`, `before` AS `under`)
            )
          ) FILTER(WHERE
            GET(`most`, 0) <> 0
            AND GET(`most`, 1) >= GET(`most`, 0) - 1e-14 * ABS(GET(`most`, 0))
            AND `return_1d` >= GET(`most`, 0) - 1e-14 * ABS(GET(`most`, 0)))
        ) = 0,
        NULL,
        TRANSFORM(
          ARRAY_SORT(
            COLLECT_LIST(
              NAMED_STRUCT(
                'k0',
                `asset_id`,
                'v',
                STRUCT(`asset_id` AS `asset_id`, `close` AS `over`, `before` AS `under`)
              )
            ) FILTER(WHERE
              GET(`most`, 0) <> 0
              AND GET(`most`, 1) >= GET(`most`, 0) - 1e-14 * ABS(GET(`most`, 0))
              AND `return_1d` >= GET(`most`, 0) - 1e-14 * ABS(GET(`most`, 0)))
          ),
          `s` -> `s`.`v`
        )
      ),
      IF(
        SIZE(
          COLLECT_LIST(
            NAMED_STRUCT(
              'k0',
              `asset_id`,
              'v',
              STRUCT(`asset_id` AS `asset_id`, `before` AS `over`, `close` AS `under`)
            )
          ) FILTER(WHERE
            GET(`least`, 0) <> 0
            AND GET(`least`, 1) <= GET(`least`, 0) + 1e-14 * ABS(GET(`least`, 0))
            AND `return_1d` <= GET(`least`, 0) + 1e-14 * ABS(GET(`least`, 0)))
        ) = 0,
        NULL,
        TRANSFORM(
          ARRAY_SORT(
            COLLECT_LIST(
              NAMED_STRUCT(
                'k0',
                `asset_id`,
                'v',
                STRUCT(`asset_id` AS `asset_id`, `before` AS `over`, `close` AS `under`)
              )
            ) FILTER(WHERE
              GET(`least`, 0) <> 0
              AND GET(`least`, 1) <= GET(`least`, 0) + 1e-14 * ABS(GET(`least`, 0))
              AND `return_1d` <= GET(`least`, 0) + 1e-14 * ABS(GET(`least`, 0)))
          ),
          `s` -> `s`.`v`
        )
      )
    ) AS `near`
  FROM `extremes`
  GROUP BY
    `day`
), `decided` AS (
  SELECT
    *,
    TRANSFORM(
      `near`,
      `assets` -> AGGREGATE(
        SLICE(assets, 2, GREATEST(SIZE(assets) - 1, 0)),
        GET(assets, 0),
        (`best`, `other`) -> GET(
          TRANSFORM(
            ARRAY(
              TRANSFORM(
                ARRAY(ARRAY(`other`.`over`, `best`.`under`), ARRAY(`best`.`over`, `other`.`under`)),
                `pair` -> GET(
                  TRANSFORM(
                    ARRAY(
                      TRANSFORM(pair, `price` -> CAST(REPLACE(CAST(price AS STRING), '.', '') AS DECIMAL(38, 0)))
                    ),
                    `n` -> GET(
                      TRANSFORM(
                        ARRAY(
                          STRUCT(
                            CAST(SUBSTRING(LPAD(CAST(GET(`n`, 0) AS STRING), 38, '0'), 1, 19) AS DECIMAL(19, 0)) AS `au`,
                            CAST(SUBSTRING(LPAD(CAST(GET(`n`, 0) AS STRING), 38, '0'), 20, 19) AS DECIMAL(19, 0)) AS `al`,
                            CAST(SUBSTRING(LPAD(CAST(GET(`n`, 1) AS STRING), 38, '0'), 1, 19) AS DECIMAL(19, 0)) AS `bu`,
                            CAST(SUBSTRING(LPAD(CAST(GET(`n`, 1) AS STRING), 38, '0'), 20, 19) AS DECIMAL(19, 0)) AS `bl`
                          )
                        ),
                        `f` -> GET(
                          TRANSFORM(
                            ARRAY(
                              STRUCT(
                                `f`.`au` * `f`.`bu` AS `uu`,
                                `f`.`au` * `f`.`bl` AS `ul`,
                                `f`.`al` * `f`.`bu` AS `lu`,
                                `f`.`al` * `f`.`bl` AS `ll`
                              )
                            ),
                            `p` -> GET(
                              TRANSFORM(
                                ARRAY(
                                  STRUCT(
                                    `p`.`uu` AS `uu`,
                                    CAST(SUBSTRING(LPAD(CAST(`p`.`ul` AS STRING), 38, '0'), 1, 19) AS DECIMAL(19, 0)) AS `ulu`,
                                    CAST(SUBSTRING(LPAD(CAST(`p`.`ul` AS STRING), 38, '0'), 20, 19) AS DECIMAL(19, 0)) AS `ull`,
                                    CAST(SUBSTRING(LPAD(CAST(`p`.`lu` AS STRING), 38, '0'), 1, 19) AS DECIMAL(19, 0)) AS `luu`,
                                    CAST(SUBSTRING(LPAD(CAST(`p`.`lu` AS STRING), 38, '0'), 20, 19) AS DECIMAL(19, 0)) AS `lul`,
                                    CAST(SUBSTRING(LPAD(CAST(`p`.`ll` AS STRING), 38, '0'), 1, 19) AS DECIMAL(19, 0)) AS `llu`,
                                    CAST(SUBSTRING(LPAD(CAST(`p`.`ll` AS STRING), 38, '0'), 20, 19) AS DECIMAL(19, 0)) AS `lll`
                                  )
                                ),
                                `q` -> GET(
                                  TRANSFORM(
                                    ARRAY(`q`.`ull` + `q`.`lul` + `q`.`llu`),
                                    `middle` -> STRUCT(
                                      `q`.`uu` + `q`.`ulu` + `q`.`luu` + CAST(SUBSTRING(LPAD(CAST(middle AS STRING), 38, '0'), 1, 19) AS DECIMAL(19, 0)) AS `upper`,
                                      CAST(SUBSTRING(LPAD(CAST(middle AS STRING), 38, '0'), 20, 19) AS DECIMAL(19, 0)) AS `middle`,
                                      `q`.`lll` AS `lower`
                                    )
                                  ),
                                  0
                                )
                              ),
                              0
                            )
                          ),
                          0
                        )
                      ),
                      0
                    )
                  ),
                  0
                )
              )
            ),
            `products` -> CASE WHEN GET(products, 0) > GET(products, 1) THEN other ELSE best END
          ),
          0
        )
      ).`asset_id`
    ) AS `firsts`
  FROM `days`
)
SELECT
  `day`,
  `n_assets`,
  `total_market_cap_usd`,
  `total_volume_usd`,
  `hhi`,
  `advancers`,
  `decliners`,
  COALESCE(GET(`firsts`, 0), `gainer`) AS `top_gainer`,
  COALESCE(GET(`firsts`, 1), `loser`) AS `top_loser`
FROM `decided`
