"""summarise: the third state. Figures become sentences and a table that a person reads."""

import os
import time


def handler(event, context):
    """event: {…, "figures"} → the same with "summary": {"headline", "findings", "table"} instead."""
    figures = event["figures"]
    gdp, prices, unemployment = figures["gdp"], figures["prices"], figures["unemployment_percent"]
    best, worst = figures["best_year"], figures["worst_year"]
    then, now = figures["shares_percent"]["first"], figures["shares_percent"]["last"]
    period = figures["period"]
    summary = {
        "headline": f"real GDP {gdp['compound_growth_percent']:+.2f} % a year, {period['from']} – {period['to']}",
        "findings": [
            f"Real GDP went from {gdp['first']:,.0f} to {gdp['last']:,.0f} billion 2005 dollars "
            f"over {period['quarters']} quarters; it fell in {gdp['quarters_of_decline']} of them.",
            f"It is {gdp['below_peak_percent']:.2f} % below its peak of {gdp['peak_quarter']}.",
            f"Best year {best['year']} ({best['growth_percent']:+.2f} %), "
            f"worst year {worst['year']} ({worst['growth_percent']:+.2f} %).",
            f"Consumption moved from {then['consumption']:.1f} % to {now['consumption']:.1f} % of GDP, "
            f"investment from {then['investment']:.1f} % to {now['investment']:.1f} %.",
            f"Prices multiplied by {prices['multiple']:.2f} ({prices['inflation_percent_a_year']:.2f} % a year).",
            f"Unemployment was {unemployment['average']:.2f} % on average, {unemployment['highest']:.1f} % at worst "
            f"and {unemployment['last']:.1f} % at the end.",
        ],
        "table": [
            [year["year"], year["gdp"], year["growth_percent"], year["inflation_percent"], year["unemployment_percent"]]
            for year in figures["last_years"]
        ],
    }
    time.sleep(float(os.environ.get("WORK_SECONDS", "2")))
    return {name: event[name] for name in ("report_id", "title", "recipient")} | {"summary": summary}
