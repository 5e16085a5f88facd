"""calculate: the second state. Totals, growth and ratios from the rows."""

import itertools
import os
import time


def handler(event, context):
    """event: {…, "rows"} → the same with "figures" instead of "rows"."""
    figures = calculate(event["rows"])
    time.sleep(float(os.environ.get("WORK_SECONDS", "3")))
    return {name: event[name] for name in ("report_id", "title", "recipient")} | {"figures": figures}


def calculate(rows):
    """What the summary needs. Rows are in order of time; output is per quarter at annual rates."""
    first, last = rows[0], rows[-1]
    years = (len(rows) - 1) / 4
    complete = complete_years(rows)
    annual = [year_of(year, quarters) for year, quarters in complete.items()]
    for before, year in itertools.pairwise(annual):
        year["growth_percent"] = round(100 * (year["gdp"] / before["gdp"] - 1), 2)
        year["inflation_percent"] = round(100 * (year["cpi"] / before["cpi"] - 1), 2)
    grown = [year for year in annual if "growth_percent" in year]
    peak = max(rows, key=lambda row: row["realgdp"])
    return {
        "period": {"from": quarter_name(first), "to": quarter_name(last), "quarters": len(rows)},
        "gdp": {
            "first": first["realgdp"],
            "last": last["realgdp"],
            "compound_growth_percent": round(100 * ((last["realgdp"] / first["realgdp"]) ** (1 / years) - 1), 2),
            "peak": peak["realgdp"],
            "peak_quarter": quarter_name(peak),
            "below_peak_percent": round(100 * (1 - last["realgdp"] / peak["realgdp"]), 2),
            "quarters_of_decline": sum(b["realgdp"] < a["realgdp"] for a, b in itertools.pairwise(rows)),
        },
        "shares_percent": {
            "first": shares(first),
            "last": shares(last),
        },
        "prices": {
            "multiple": round(last["cpi"] / first["cpi"], 2),
            "inflation_percent_a_year": round(100 * ((last["cpi"] / first["cpi"]) ** (1 / years) - 1), 2),
        },
        "unemployment_percent": {
            "average": round(sum(row["unemp"] for row in rows) / len(rows), 2),
            "highest": max(row["unemp"] for row in rows),
            "last": last["unemp"],
        },
        "best_year": max(grown, key=lambda year: year["growth_percent"]),
        "worst_year": min(grown, key=lambda year: year["growth_percent"]),
        "last_years": grown[-5:],
    }


def complete_years(rows):
    """Rows by year, years with four quarters only."""
    by_year = {}
    for row in rows:
        by_year.setdefault(row["year"], []).append(row)
    return {year: quarters for year, quarters in by_year.items() if len(quarters) == 4}


def year_of(year, quarters):
    """A year's output (the mean of its quarters' annual rates), closing price level and mean unemployment."""
    return {
        "year": year,
        "gdp": round(sum(row["realgdp"] for row in quarters) / 4, 3),
        "cpi": quarters[-1]["cpi"],
        "unemployment_percent": round(sum(row["unemp"] for row in quarters) / 4, 2),
    }


def shares(row):
    """Parts of output, in percent."""
    parts = {"consumption": "realcons", "investment": "realinv", "federal_government": "realgovt"}
    return {name: round(100 * row[column] / row["realgdp"], 1) for name, column in parts.items()}


def quarter_name(row):
    return f"{row['year']} Q{row['quarter']}"
