"""The operator of HealthPipeline resources: observe, plan, apply, status.

``reconcile`` reads like a table of contents of what is done for one pipeline. ``manifests`` holds one pure builder for
each kind of child; only ``cluster`` talks to Kubernetes.
"""
