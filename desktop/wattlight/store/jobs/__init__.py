"""The small database that all processes of one user share: comparisons, speeds, tokens by the hour."""

from .book import JobsProblem, LearningStore, open_jobs
from .tokens import TokenHour
