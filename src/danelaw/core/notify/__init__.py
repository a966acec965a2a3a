"""Notifications: what is worth telling of, when, and in which words. Who is told, and how, is not known here.

A *concern* is what somebody should know of a subject. It begins, goes on, and ends; a *notice* tells one *way* (an
address, a program) of one of the three. ``record`` decides which notices are due, by what each way was told before.
"""
