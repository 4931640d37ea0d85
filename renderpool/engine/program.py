"""Shader files to programs: `#include`, `#define`, and errors that name file and line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from renderpool.engine import gl
from webviewer.core.errors import ShaderError

_INCLUDE = re.compile(r'^\s*#include\s+"([a-z0-9_.]+)"\s*$')
# Mesa says "0:12(3): error: …" (string:line(column)), NVIDIA "0(12) : error C1234: …".
_PLACE = re.compile(r"^\s*(?:ERROR:\s*)?(?P<string>\d+)[:(](?P<line>\d+)", re.MULTILINE)
_MAX_INCLUDES = 16


def load_source(name: str) -> str:
    """Return the text of a shader file of this package.

    Raises
    ------
    ShaderError
        There is no such file.
    """
    path = resources.files("renderpool.engine") / "shaders" / name
    if not path.is_file():
        raise ShaderError(f"Shader file {name} is missing.")
    return path.read_text(encoding="utf-8")


def expand_source(
    name: str, defines: Mapping[str, int], sources: Mapping[str, str] | None = None
) -> tuple[str, list[str]]:
    """Return the whole source text, and the file names that its ``#line`` numbers count.

    Parameters
    ----------
    name
        The file to start from; its first line is ``#version``.
    defines
        Set right after ``#version``.
    sources
        Texts by file name; None = the files of this package.
    """
    files: list[str] = []
    head = "".join(f"#define {key} {value}\n" for key, value in defines.items())

    def expand(file: str) -> str:
        if len(files) >= _MAX_INCLUDES:
            raise ShaderError(f"{name} includes more than {_MAX_INCLUDES} files: does one include itself?")
        if sources is not None and file not in sources:
            raise ShaderError(f"Shader file {file} is missing.")
        text = load_source(file) if sources is None else sources[file]
        number = len(files)
        files.append(file)
        lines: list[str] = [] if number == 0 else [f"#line 1 {number}"]
        for line_number, line in enumerate(text.splitlines(), start=1):
            match = _INCLUDE.match(line)
            if match:
                lines += [expand(match[1]), f"#line {line_number + 1} {number}"]
            elif line.startswith("#version"):
                lines += [line, head + f"#line {line_number + 1} {number}"]
            else:
                lines.append(line)
        return "\n".join(lines)

    return expand(name) + "\n", files


class Program:
    """A linked program with its uniforms by name.

    Raises
    ------
    ShaderError
        A file is missing, or does not compile or link: names file and line.
    """

    def __init__(
        self, vertex: str, fragment: str, defines: Mapping[str, int], sources: Mapping[str, str] | None = None
    ) -> None:
        shaders: list[int] = []
        self._program = 0
        try:
            shaders.append(_compile(gl.GL_2_0.GL_VERTEX_SHADER, vertex, {}, sources))
            shaders.append(_compile(gl.GL_2_0.GL_FRAGMENT_SHADER, fragment, defines, sources))
            self._program = int(gl.GL_2_0.glCreateProgram())
            for shader in shaders:
                gl.GL_2_0.glAttachShader(self._program, shader)
            gl.GL_2_0.glLinkProgram(self._program)
            if not gl.GL_2_0.glGetProgramiv(self._program, gl.GL_2_0.GL_LINK_STATUS):
                log = _text(gl.GL_2_0.glGetProgramInfoLog(self._program))
                raise ShaderError(f"{vertex} and {fragment} do not link: {log}", details={"log": log})
        except ShaderError:
            self.close()
            raise
        finally:
            for shader in shaders:
                gl.GL_2_0.glDeleteShader(shader)
        self._locations: dict[str, int] = {}

    def use(self) -> None:
        """Make it the current program."""
        gl.GL_2_0.glUseProgram(self._program)

    def close(self) -> None:
        """Delete the program."""
        if self._program:
            gl.GL_2_0.glDeleteProgram(self._program)
            self._program = 0

    def _location(self, name: str) -> int:
        location = self._locations.get(name)
        if location is None:
            location = int(gl.GL_2_0.glGetUniformLocation(self._program, name.encode("ascii")))
            self._locations[name] = location
        return location

    def set_int(self, name: str, value: int) -> None:
        """Set an int, bool or sampler of the current program."""
        gl.GL_2_0.glUniform1i(self._location(name), value)

    def set_float(self, name: str, value: float) -> None:
        """Set a float of the current program."""
        gl.GL_2_0.glUniform1f(self._location(name), value)

    def set_vec2(self, name: str, x: float, y: float) -> None:
        """Set a vec2 of the current program."""
        gl.GL_2_0.glUniform2f(self._location(name), x, y)

    def set_vec3(self, name: str, x: float, y: float, z: float) -> None:
        """Set a vec3 of the current program."""
        gl.GL_2_0.glUniform3f(self._location(name), x, y, z)

    def set_vec4(self, name: str, x: float, y: float, z: float, w: float) -> None:
        """Set a vec4 of the current program."""
        gl.GL_2_0.glUniform4f(self._location(name), x, y, z, w)

    def set_mat3(self, name: str, matrix: NDArray[np.float64]) -> None:
        """Set a mat3 of the current program from a 3×3 array in mathematical (row-major) order."""
        gl.GL_2_0.glUniformMatrix3fv(self._location(name), 1, True, np.ascontiguousarray(matrix, dtype=np.float32))

    def set_mat4(self, name: str, matrix: NDArray[np.float64]) -> None:
        """Set a mat4 of the current program from a 4×4 array in mathematical (row-major) order."""
        gl.GL_2_0.glUniformMatrix4fv(self._location(name), 1, True, np.ascontiguousarray(matrix, dtype=np.float32))


class Programs:
    """The variants of one pair of shader files, each made when it is first asked for.

    Parameters
    ----------
    vertex, fragment
        File names, as of `Program`.
    """

    def __init__(self, vertex: str, fragment: str) -> None:
        self._vertex, self._fragment = vertex, fragment
        self._made: dict[tuple[tuple[str, int], ...], Program] = {}

    def get(self, defines: Mapping[str, int]) -> Program:
        """Return the program of these definitions; raises ShaderError as `Program`."""
        key = tuple(sorted(defines.items()))
        program = self._made.get(key)
        if program is None:
            program = self._made[key] = Program(self._vertex, self._fragment, defines)
        return program

    def close(self) -> None:
        """Delete all of them."""
        for program in self._made.values():
            program.close()
        self._made.clear()


def _compile(kind: int, name: str, defines: Mapping[str, int], sources: Mapping[str, str] | None) -> int:
    text, files = expand_source(name, defines, sources)
    shader = int(gl.GL_2_0.glCreateShader(kind))
    gl.GL_2_0.glShaderSource(shader, text)
    gl.GL_2_0.glCompileShader(shader)
    if gl.GL_2_0.glGetShaderiv(shader, gl.GL_2_0.GL_COMPILE_STATUS):
        return shader
    log = _text(gl.GL_2_0.glGetShaderInfoLog(shader))
    gl.GL_2_0.glDeleteShader(shader)
    file, line = _place_of(log, files)
    raise ShaderError(f"{file}, line {line}: {log.strip()}", details={"file": file, "line": line, "log": log})


def _place_of(log: str, files: list[str]) -> tuple[str, int]:
    """Return file and line of the first error.

    Mesa 22 counts expressions of an included file to string 0 but names the right line, and the statement around them
    rightly: of several errors in one line the highest string is believed.
    """
    places = [(int(found["string"]), int(found["line"])) for found in _PLACE.finditer(log)]
    if not places:
        return files[0], 0
    line = places[0][1]
    string = max(string for string, other in places if other == line)
    return files[string] if string < len(files) else files[0], line


def _text(log: bytes | str) -> str:
    return log.decode("utf-8", "replace") if isinstance(log, bytes) else log
