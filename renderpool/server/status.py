"""Health, status and metrics of a render node."""

from __future__ import annotations

import time

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from renderpool.server.connections import DOOR
from renderpool.server.drawing_watch import DRAWING_WATCH, LOOK_EVERY_S
from renderpool.server.node import NODE, RenderNode
from webviewer.adapters.metrics import ConnectionCollector


def facts(node: RenderNode) -> dict[str, object]:
    """Return what the console shows of a node."""
    counters = node.scheduler.counters
    return {
        "version": node.version,
        "uptime_s": int(time.monotonic() - node.started_s),
        "device": {
            "index": node.device.index,
            "renderer": node.device.renderer,
            "driver": node.device.version,
            "software": node.device.software,
            "available": list(node.device.available),
        },
        "sessions": node.scheduler.session_count,
        "image_cache": {
            "frames": len(node.cache),
            "bytes": node.cache.size_bytes,
            "budget_bytes": node.cache.budget_bytes,
            "hits": node.cache.hits,
            "loads": node.cache.loads,
        },
        "volume_cache": {
            "volumes": len(node.volumes),
            "bytes": node.volumes.size_bytes,
            "in_use_bytes": node.volumes.in_use_bytes(),
            "budget_bytes": node.volumes.budget_bytes,
            "hits": node.volumes.hits,
            "loads": node.volumes.loads,
        },
        "device_memory": {
            "volume_bytes": counters.device_volume_bytes,
            "volume_budget_bytes": counters.device_volume_budget_bytes,
            "mask_bytes": counters.device_mask_bytes,
        },
        "frames": {
            "light": counters.light_frames,
            "still": counters.still_frames,
            "dropped": counters.dropped_frames,
            "failed": counters.failed_frames,
            "sent_bytes": counters.sent_bytes,
        },
    }


async def get_health(request: web.Request) -> web.Response:
    """Answer 200 once pictures can be drawn, 503 with the reason when they cannot any more."""
    node = request.app[NODE]
    if not node.scheduler.is_drawing:
        return web.json_response({"ready": False, "reason": "The drawing thread has ended."}, status=503)
    watch = request.app[DRAWING_WATCH]
    if watch.hangs:
        reason = f"The drawing thread has been at one part of a picture for {watch.looks * LOOK_EVERY_S:.0f} s."
        return web.json_response({"ready": False, "reason": reason}, status=503)
    return web.json_response({"ready": True})


async def get_status(request: web.Request) -> web.Response:
    """Answer what the console shows."""
    return web.json_response(facts(request.app[NODE]))


class _NodeCollector(Collector):
    """Reads the node's counters at each scrape."""

    def __init__(self, node: RenderNode) -> None:
        self._node = node

    def collect(self) -> list[Metric]:
        counters, cache, volumes = self._node.scheduler.counters, self._node.cache, self._node.volumes
        frames = CounterMetricFamily("webviewer_render_frames", "Frames by outcome", labels=["outcome"])
        for outcome, count in (
            ("light", counters.light_frames),
            ("still", counters.still_frames),
            ("dropped", counters.dropped_frames),
            ("failed", counters.failed_frames),
            ("single", counters.single_pictures),
        ):
            frames.add_metric([outcome], count)
        return [
            frames,
            CounterMetricFamily("webviewer_render_draw_seconds", "Drawing and encoding", value=counters.draw_s),
            CounterMetricFamily("webviewer_render_sent_bytes", "Bytes of frames sent", value=counters.sent_bytes),
            CounterMetricFamily("webviewer_render_image_cache_hits", "Frames found in the cache", value=cache.hits),
            CounterMetricFamily("webviewer_render_image_loads", "Frames decoded", value=cache.loads),
            GaugeMetricFamily("webviewer_render_image_cache_bytes", "Bytes of decoded frames", value=cache.size_bytes),
            CounterMetricFamily("webviewer_render_volume_cache_hits", "Volumes found in the cache", value=volumes.hits),
            CounterMetricFamily("webviewer_render_volume_loads", "Volumes loaded", value=volumes.loads),
            GaugeMetricFamily("webviewer_render_volumes", "Volumes in memory", value=len(volumes)),
            GaugeMetricFamily("webviewer_render_volume_cache_bytes", "Bytes of volumes", value=volumes.size_bytes),
            GaugeMetricFamily(
                "webviewer_render_volume_in_use_bytes",
                "Bytes of volumes that somebody looks at",
                value=volumes.in_use_bytes(),
            ),
            GaugeMetricFamily(
                "webviewer_render_volume_budget_bytes", "Bytes that volumes may take", value=volumes.budget_bytes
            ),
            GaugeMetricFamily(
                "webviewer_render_device_volume_bytes",
                "Bytes of volumes and of masks of cuts in the device; without a GPU that is main memory",
                value=counters.device_volume_bytes + counters.device_mask_bytes,
            ),
            GaugeMetricFamily("webviewer_render_sessions", "Open streams", value=self._node.scheduler.session_count),
        ]


async def get_metrics(request: web.Request) -> web.Response:
    """Answer the counters in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_NodeCollector(request.app[NODE]))
    registry.register(ConnectionCollector({"internal": request.app[DOOR].connections}))
    ProcessCollector(registry=registry)
    return web.Response(body=generate_latest(registry), headers={"Content-Type": "text/plain; version=0.0.4"})
