"""Codes read aloud: letter by letter, each with its word, as MP3. What speaks is a process of its own."""

from core.spoken_code.running import MEDIA_TYPE, SpeechError, Standby, can_speak, speak
from core.spoken_code.words import phrases

__all__ = ["MEDIA_TYPE", "SpeechError", "Standby", "can_speak", "phrases", "speak"]
