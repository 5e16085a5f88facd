"""notify: the fourth state. The summary becomes an email; the state after this one sends it.

Composing and sending are two states on purpose: sending is a call of the state machine itself
(aws-sdk:sesv2:sendEmail), so a repeated attempt of this function never sends a second email.
"""

import html
import os
import time

HEADINGS = ("Year", "GDP (bn)", "Growth %", "Inflation %", "Unemployment %")


def handler(event, context):
    """event: {"report_id", "title", "recipient", "summary"} → {…, "email": {"subject", "text", "html"}}."""
    title, summary = event["title"], event["summary"]
    email = {
        "subject": f"{title}: {summary['headline']}",
        "text": as_text(event["report_id"], title, summary),
        "html": as_html(event["report_id"], title, summary),
    }
    time.sleep(float(os.environ.get("WORK_SECONDS", "1")))
    return {"report_id": event["report_id"], "recipient": event["recipient"], "email": email}


def as_text(report_id, title, summary):
    lines = [title, "=" * len(title), "", f"Report {report_id}: {summary['headline']}.", ""]
    lines += [f"* {finding}" for finding in summary["findings"]]
    lines += ["", "".join(f"{heading:>16}" for heading in HEADINGS)]
    lines += [
        "".join(f"{cell:>16,}" if column == 1 else f"{cell:>16}" for column, cell in enumerate(row))
        for row in summary["table"]
    ]
    return "\n".join(lines) + "\n"


def as_html(report_id, title, summary):
    findings = "".join(f"<li>{html.escape(finding)}</li>" for finding in summary["findings"])
    headings = "".join(f"<th>{html.escape(heading)}</th>" for heading in HEADINGS)
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in summary["table"])
    return (
        f"<h1>{html.escape(title)}</h1><p>Report {html.escape(report_id)}: {html.escape(summary['headline'])}.</p>"
        f"<ul>{findings}</ul><table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table>"
    )
