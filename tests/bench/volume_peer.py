"""VTK's volume mappers and its reslice, a process of its own: ``python volume_peer.py PHANTOM.npy SCENE.json``.

It runs in an interpreter that has ``vtk`` and ``numpy``, and imports nothing of ours. Each line on stdin is a JSON
object ``{"kind": "gpu"|"fixed", "scene": "bone"|"soft"|"mip", "step_mm", "size_px", "frame", "picture": file or
null}``; the answer is one line ``{"wall_ms", "cpu_ms", "peer"}``, and the picture as .npy where a file was named. Of
planes it is ``{"kind": "reslice", "right", "down", "center_mm", "mm_per_px", "size_px", "samples", "sample_mm",
"picture"}``: one sample is a plane, more are the maximum of a slab; its picture has values, not greys.
"""

from __future__ import annotations

import importlib
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

vtk: Any = importlib.import_module("vtk")  # no stubs, and not in our environment
_arrays: Any = importlib.import_module("vtk.util.numpy_support")


class Peer:
    """One mapper in a window, for the scene, step and size asked for last."""

    def __init__(self, volume: np.ndarray, description: dict[str, Any]) -> None:
        self._volume, self._description = volume, description
        self._image = vtk.vtkImageData()
        self._image.SetDimensions(*volume.shape[::-1])
        self._image.SetSpacing(*description["volume"]["spacing_mm"])
        self._image.GetPointData().SetScalars(_arrays.numpy_to_vtk(volume.reshape(-1), deep=0))
        self._what: tuple[Any, ...] = ()
        self._reslice: Any = None

    def _prepare(self, kind: str, scene: str, step_mm: float, size_px: int) -> None:
        if kind == "gpu":
            mapper = vtk.vtkOpenGLGPUVolumeRayCastMapper()
            mapper.UseJitteringOff()
        else:
            mapper = vtk.vtkFixedPointVolumeRayCastMapper()
            mapper.SetInteractiveSampleDistance(step_mm)
            mapper.SetNumberOfThreads(2)
        mapper.SetInputData(self._image)
        mapper.AutoAdjustSampleDistancesOff()
        mapper.SetSampleDistance(step_mm)
        mapper.SetImageSampleDistance(1)
        look = vtk.vtkVolumeProperty()
        opacity, colour = vtk.vtkPiecewiseFunction(), vtk.vtkColorTransferFunction()
        if scene == "mip":
            mapper.SetBlendModeToMaximumIntensity()
            low, high = self._description["mip"]["window"]
            look.ShadeOff()
            for point in ((-1024, 0), (low, 0), (high, 1), (3071, 1)):
                opacity.AddPoint(*point)
            for value in (-1024, 3071):
                colour.AddRGBPoint(value, 1, 1, 1)
        else:
            for point in self._description[scene]["opacity"]:
                opacity.AddPoint(*point)
            for point in self._description[scene]["colour"]:
                colour.AddRGBPoint(*point)
            shading = self._description["shading"]
            look.ShadeOn()
            look.SetAmbient(shading["ambient"])
            look.SetDiffuse(shading["diffuse"])
            look.SetSpecular(shading["specular"])
            look.SetSpecularPower(shading["specular_power"])
        look.SetScalarOpacity(opacity)
        look.SetColor(colour)
        look.SetInterpolationTypeToLinear()
        look.SetScalarOpacityUnitDistance(self._description["opacity_unit_distance_mm"])
        thing = vtk.vtkVolume()
        thing.SetMapper(mapper)
        thing.SetProperty(look)
        self._renderer = vtk.vtkRenderer()
        self._renderer.SetBackground(0, 0, 0)
        self._renderer.AddVolume(thing)
        self._window = vtk.vtkEGLRenderWindow() if hasattr(vtk, "vtkEGLRenderWindow") else vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(1)
        self._window.SetMultiSamples(0)
        self._window.SetSize(size_px, size_px)
        self._window.AddRenderer(self._renderer)
        self._window.SetDesiredUpdateRate(1e-4)

    def draw(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Draw a frame and say what it took."""
        what = (wish["kind"], wish["scene"], float(wish["step_mm"]), int(wish["size_px"]))
        if what != self._what:
            self._prepare(*what)
            self._what = what
        size_px = what[3]
        cpu, wall = time.process_time(), time.perf_counter()
        camera, place = self._renderer.GetActiveCamera(), self._description["camera"]
        camera.SetPosition(*self._eye(int(wish["frame"])))
        camera.SetFocalPoint(*place["target_mm"])
        camera.SetViewUp(*place["up"])
        camera.SetViewAngle(place["view_angle_deg"])
        self._renderer.ResetCameraClippingRange()
        self._window.Render()
        pixels = vtk.vtkUnsignedCharArray()
        self._window.GetPixelData(0, 0, size_px - 1, size_px - 1, 0, pixels, 0)
        answer = {
            "wall_ms": (time.perf_counter() - wall) * 1e3,
            "cpu_ms": (time.process_time() - cpu) * 1e3,
            "peer": f"VTK {vtk.vtkVersion().GetVTKVersion()}",
        }
        if wish["picture"]:
            np.save(wish["picture"], _arrays.vtk_to_numpy(pixels).reshape(size_px, size_px, 3)[::-1])
        return answer

    def _eye(self, frame: int) -> list[float]:
        place = self._description["camera"]
        direction = np.array(place["azimuth0_dir"], float)
        direction /= np.linalg.norm(direction)
        angle = 2 * math.pi * frame / 10
        c, s = math.cos(angle), math.sin(angle)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        eye: list[float] = (np.array(place["target_mm"]) + turn @ direction * place["distance_mm"]).tolist()
        return eye

    def reslice(self, wish: dict[str, Any]) -> dict[str, Any]:
        """Take a plane or a maximum slab and say what it took."""
        size_px, mm_per_px = int(wish["size_px"]), float(wish["mm_per_px"])
        right, down, center = (np.array(wish[key], float) for key in ("right", "down", "center_mm"))
        corner = center - (right + down) * mm_per_px * (size_px - 1) / 2
        axes = vtk.vtkMatrix4x4()
        for column, vector in enumerate((right, down, np.cross(right, down), corner)):
            for row in range(3):
                axes.SetElement(row, column, float(vector[row]))
        cpu, wall = time.process_time(), time.perf_counter()
        if self._reslice is None:
            self._reslice = vtk.vtkImageReslice()
            self._reslice.SetInputData(self._image)
            self._reslice.SetOutputDimensionality(2)
            self._reslice.SetInterpolationModeToLinear()
            self._reslice.SetBackgroundLevel(-1024)
            self._reslice.SetNumberOfThreads(2)
        reslice = self._reslice
        reslice.SetResliceAxes(axes)
        reslice.SetOutputSpacing(mm_per_px, mm_per_px, float(wish["sample_mm"]))
        reslice.SetOutputOrigin(0, 0, 0)
        reslice.SetOutputExtent(0, size_px - 1, 0, size_px - 1, 0, 0)
        reslice.SetSlabModeToMax()
        reslice.SetSlabNumberOfSlices(int(wish["samples"]))
        reslice.Update()
        answer = {
            "wall_ms": (time.perf_counter() - wall) * 1e3,
            "cpu_ms": (time.process_time() - cpu) * 1e3,
            "peer": f"VTK {vtk.vtkVersion().GetVTKVersion()}",
        }
        if wish["picture"]:
            values = _arrays.vtk_to_numpy(reslice.GetOutput().GetPointData().GetScalars())
            np.save(wish["picture"], values.reshape(size_px, size_px))
        return answer


def main() -> None:
    """Answer until stdin ends."""
    peer = Peer(np.load(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text("utf-8")))
    for line in sys.stdin:
        wish = json.loads(line)
        answer = peer.reslice(wish) if wish["kind"] == "reslice" else peer.draw(wish)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
