SELECT
  `asset_id`,
  `day`,
  `open`,
  `high`,
  `low`,
  `close`,
  `avg_price`,
  `market_cap_usd`,
  `volume_usd_24h`,
  `n_samples`,
  `first_observed_at`,
  `last_observed_at`,
  `source`
FROM (
  WITH `samples` AS (
    SELECT
      `asset_id`,
      `observed_at`,
      `source_key`,
      `price_usd`,
      `market_cap_usd`,
      `volume_usd_24h`,
      'snapshot' AS `source`,
      '' AS `interval`
    FROM `silver_asset_snapshots` AS `asset_snapshots`
    WHERE
      NOT `price_usd` IS NULL
    UNION ALL
    SELECT
      `asset_id`,
      `observed_at`,
      `source_key`,
      `price_usd`,
      NULL,
      NULL,
      'history',
      `interval`
    FROM `silver_asset_prices` AS `asset_prices`
    WHERE
      NOT `price_usd` IS NULL
  ), `by_interval` AS (
    SELECT
      `asset_id`,
      CAST(TIMESTAMP_MICROS(UNIX_MICROS(`observed_at`)) AS DATE) AS `day`,
      `source`,
      `interval`,
      MIN_BY(`price_usd`, (`observed_at`, `source_key`)) AS `open`,
      MAX(`price_usd`) AS `high`,
      MIN(`price_usd`) AS `low`,
      MAX_BY(
        STRUCT(
          `price_usd` AS `price`,
          `market_cap_usd` AS `market_cap`,
          `volume_usd_24h` AS `volume`
        ),
        (`observed_at`, `source_key`)
      ) AS `last_sample`,
      COUNT(*) AS `n_samples`,
      CAST((
        COALESCE(
          CAST(SUM(CAST(`price_usd` AS DECIMAL(38, 28))) FILTER(WHERE
            `price_usd` < 1000) AS DOUBLE),
          0
        ) + COALESCE(
          CAST(SUM(CAST(CAST(`price_usd` AS DOUBLE) AS DECIMAL(38, 18))) FILTER(WHERE
            `price_usd` >= 1000) AS DOUBLE),
          0
        )
      ) AS DOUBLE) / CAST(COUNT(*) AS DOUBLE) AS `avg_price`,
      MIN(`observed_at`) AS `first_observed_at`,
      MAX(`observed_at`) AS `last_observed_at`
    FROM `samples`
    GROUP BY ALL
  )
  SELECT
    `asset_id`,
    `day`,
    `open`,
    `high`,
    `low`,
    `last_sample`.`price` AS `close`,
    `avg_price`,
    `last_sample`.`market_cap` AS `market_cap_usd`,
    `last_sample`.`volume` AS `volume_usd_24h`,
    `n_samples`,
    `first_observed_at`,
    `last_observed_at`,
    `source`,
    ROW_NUMBER() OVER (
      PARTITION BY `asset_id`, `day`
      ORDER BY CASE
        WHEN `source` = 'snapshot'
        THEN 0
        ELSE CASE SUBSTRING(`interval`, 1, 1)
          WHEN 'm'
          THEN 60
          WHEN 'h'
          THEN 3600
          WHEN 'd'
          THEN 86400
        END * TRY_CAST(SUBSTRING(`interval`, 2) AS INT)
      END NULLS LAST, `interval` NULLS LAST
    ) AS `_w`
  FROM `by_interval`
) AS `_t`
WHERE
  `_w` = 1
