"""Asks the endpoint's own evaluator what it would say where the keys of a request are known: a program for its Python.

Reads a JSON list of {policy, action, resource, context}, writes the list of decisions; with {service} the policy is a
role's trust, which a service of AWS wants to make use of. What S3 says to KMS, or Glue to
IAM, no client can say for itself, and the simulation of the endpoint takes no keys.
"""

import json
import sys

from ministack.core.iam_evaluator import (  # type: ignore[import-not-found]
    EvalContext,
    evaluate,
    evaluate_resource_policy,
    parse_policy_document,
)


def _decision(question: dict) -> str:  # type: ignore[type-arg]
    keys = {key.lower(): value for key, value in question["context"].items()}
    policy = json.dumps(question["policy"])
    if "aws:userid" in keys:
        policy = policy.replace("${aws:userid}", keys["aws:userid"])  # the evaluator knows no variables, IAM does
    context = EvalContext(
        principal_arn="arn:aws:iam::123456789012:role/tested", principal_type="AssumedRole",
        principal_account="123456789012", action=question["action"], resource_arn=question["resource"],
        region="eu-west-2", source_ip="127.0.0.1", secure_transport=True, service_context=keys,
    )  # fmt: skip
    if "service" in question:
        trusted: str = evaluate_resource_policy(policy, context, service=question["service"]).decision
        return trusted
    decision: str = evaluate(context, [parse_policy_document(policy)]).decision
    return decision


print(json.dumps([_decision(question) for question in json.load(sys.stdin)]))
