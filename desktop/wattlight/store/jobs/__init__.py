"""The small database that all processes of one user share: comparisons, speeds, tokens by the hour."""

from .book import LearningStore, open_jobs
from .contacts import Contact
from .problem import JobsProblem
from .tokens import TokenHour
